//! `migrate scan`: what is found and told, what is passed over and why, and that no value ever comes out (REQ SDK-6, OPS-1).

use std::{
    fs,
    os::unix::{fs::symlink, net::UnixListener},
};

use crate::bench::{Bench, shows};

/// In every value that a test makes up; nothing that comes out may hold it.
const CANARY: &str = "Kanarienvogel7";

fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("CODEOWNERS", "/orders/ @acme/orders\n");
    bench.write(".gitignore", ".env\n*.local.yaml\n");
    bench.write("orders/.env", &format!("DB_HOST=mysql.internal\nDB_PASSWORD={CANARY}\nSMTP_PASSWORD=changeme\n"));
    bench.write("orders/app.local.yaml", &format!("password: {CANARY}\n"));
    bench.write("billing/docker-compose.yml", &compose());
    bench
}

fn compose() -> String {
    format!(
        "services:\n  billing:\n    image: billing:2\n    environment:\n      - AMQP_URL=amqp://billing:{CANARY}@mq/ # migrate:allow local\n      - STRIPE_API_KEY={CANARY}a1\n"
    )
}

#[test]
fn findings_are_told_by_place_with_a_name_and_an_owner() {
    let bench = bench();
    shows!(bench.run("migrate scan"), @r"
    $ migrate scan
    --- stdout
    billing/docker-compose.yml · owner billing (by folder)
      PLACE  KEY                                          WHAT     SURE    PROPOSED NAME
      6:24   services.billing.environment.STRIPE_API_KEY  api-key  likely  platform-data/stripe/billing
    orders/.env · owner @acme/orders (by codeowners)
      PLACE  KEY          WHAT      SURE    PROPOSED NAME
      2:13   DB_PASSWORD  password  likely  platform-data/mysql/orders
    2 credentials in 2 of 2 files; 1 allowed by a comment; 1 placeholder (-v shows where)
    bring each to Secrets Manager under its name (`migrate populate --from FILE --map KEY=NAME`), take it out here, and rotate it if others could read it
    --- exit 2
    ");
}

#[test]
fn a_machine_gets_the_same_and_placeholders_too() {
    shows!(bench().run("migrate scan orders --json"), @r#"
    $ migrate scan orders --json
    --- stdout
    {
      "files": 1,
      "credentials": [
        {
          "file": "orders/.env",
          "line": 2,
          "column": 13,
          "key": "DB_PASSWORD",
          "kind": "password",
          "confidence": "likely",
          "evidence": "key-and-value",
          "proposedName": "platform-data/mysql/orders",
          "owner": {
            "name": "@acme/orders",
            "from": "codeowners"
          }
        }
      ],
      "placeholders": [
        {
          "file": "orders/.env",
          "line": 3,
          "key": "SMTP_PASSWORD"
        }
      ],
      "allowed": 0,
      "noticed": []
    }
    --- exit 2
    "#);
}

#[test]
fn sarif_names_rules_and_places_and_holds_no_snippet() {
    let bench = bench();
    bench.write("a b/x#y.env", &format!("API_TOKEN={CANARY}a1\n"));
    let whole = bench.run("migrate scan --sarif out.sarif");
    let text = bench.read("out.sarif");
    assert!(!whole.contains(CANARY) && !text.contains(CANARY) && !text.contains("snippet"), "{whole}\n{text}");
    let log: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let (rules, results) = (&run["tool"]["driver"]["rules"], run["results"].as_array().expect("results"));
    assert_eq!(results.len(), 3);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("a small one");
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(rules[index]["help"]["text"].is_string());
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().expect("a level")));
        assert!(result["message"]["text"].is_string());
        let place = &result["locations"][0]["physicalLocation"];
        assert!(place["region"]["startLine"].as_u64() >= Some(1) && place["region"]["startColumn"].as_u64() >= Some(1));
    }
    assert_eq!(results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "a%20b/x%23y.env");
    shows!(serde_json::to_string_pretty(&results[2]).expect("JSON"), @r#"
    {
      "level": "warning",
      "locations": [
        {
          "physicalLocation": {
            "artifactLocation": {
              "uri": "orders/.env",
              "uriBaseId": "%SRCROOT%"
            },
            "region": {
              "startColumn": 13,
              "startLine": 2
            }
          }
        }
      ],
      "message": {
        "text": "a password at `DB_PASSWORD`: its key says so, and it looks like one; proposed name: platform-data/mysql/orders"
      },
      "partialFingerprints": {
        "keyPath/v1": "orders/.env#DB_PASSWORD"
      },
      "ruleId": "scattered-password",
      "ruleIndex": 0
    }
    "#);
}

/// Broken and huge files, link loops, binaries, other encodings, what can't be read: each is told, none stops the scan.
#[test]
fn bad_input_is_told_and_the_rest_is_scanned() {
    let bench = Bench::new();
    bench.write("broken.yaml", &format!("a: [\npassword: {CANARY}\n"));
    bench.write("deep.json", &"[".repeat(100_000));
    let line = format!("# {}\n", "x".repeat(1021));
    bench.write("huge.env", &format!("A_PASSWORD={CANARY}\n{}B_PASSWORD={CANARY}\n", line.repeat(4200)));
    let put = |name: &str, bytes: &[u8]| {
        fs::File::create(bench.path(name)).and_then(|mut file| std::io::Write::write_all(&mut file, bytes))
    };
    put("binary.json", b"\x7fELF\0\0\0").expect("written");
    put("latin1.properties", &[format!("password={CANARY}").as_bytes(), b"\xfc\n"].concat()).expect("written");
    let utf16: Vec<u8> = format!("\u{feff}password = {CANARY}\r\n").encode_utf16().flat_map(u16::to_le_bytes).collect();
    put("utf16.ini", &utf16).expect("written");
    put(".migrateignore", b"ignored.env\n").expect("written");
    bench.write("ignored.env", &format!("PASSWORD={CANARY}\n"));
    fs::create_dir(bench.path("loop")).expect("a folder");
    symlink("..", bench.path("loop/up")).expect("a link");
    let _socket = UnixListener::bind(bench.path("socket.env")).expect("a socket");
    symlink("gone", bench.path("dangling.env")).expect("a link");
    let whole = bench.run("migrate scan -v");
    assert!(!whole.contains(CANARY), "{whole}");
    shows!(whole, @r"
    $ migrate scan -v
    --- stdout
    broken.yaml
      PLACE  KEY         WHAT      SURE    PROPOSED NAME
      2:11   a.password  password  likely  (nothing here says the datasource and consumer)
    huge.env
      PLACE  KEY         WHAT      SURE    PROPOSED NAME
      1:12   A_PASSWORD  password  likely  (nothing here says the datasource)
    latin1.properties
      PLACE  KEY       WHAT      SURE    PROPOSED NAME
      1:10   password  password  likely  (nothing here says the datasource and consumer)
    utf16.ini
      PLACE  KEY       WHAT      SURE    PROPOSED NAME
      1:12   password  password  likely  (nothing here says the datasource and consumer)
    binary.json: holds no text
    dangling.env: a link, which is not followed
    loop/up: a link, which is not followed
    socket.env: no regular file
    huge.env: larger than 4 MiB: only its beginning was scanned
    latin1.properties: no UTF-8: taken for Latin-1
    broken.yaml: not well-formed at line 1 (or a template): read line by line
    deep.json: not well-formed at line 1 (or a template): read line by line
    4 credentials in 4 of 5 files; not all of it could be read
    bring each to Secrets Manager under its name (`migrate populate --from FILE --map KEY=NAME`), take it out here, and rotate it if others could read it
    --- exit 2
    ");
}

#[test]
fn a_file_that_was_named_is_read_whatever_it_is_called_and_a_missing_one_is_an_error() {
    let bench = Bench::new();
    bench.write("notes", &format!("the password is\npassword: {CANARY}\n"));
    shows!(bench.run("migrate scan notes"), @r"
    $ migrate scan notes
    --- stdout
    notes
      PLACE  KEY       WHAT      SURE    PROPOSED NAME
      2:11   password  password  likely  (nothing here says the datasource and consumer)
    1 credential in 1 of 1 file
    bring each to Secrets Manager under its name (`migrate populate --from FILE --map KEY=NAME`), take it out here, and rotate it if others could read it
    --- exit 2
    ");
    shows!(bench.run("migrate scan nowhere"), @r"
    $ migrate scan nowhere
    --- stderr
    error: can't scan nowhere
      because: No such file or directory (os error 2)
    --- exit 64
    ");
}

#[test]
fn nothing_found_is_done_where_all_was_read() {
    let bench = Bench::new();
    bench.write("app.yaml", "port: 8080\n");
    shows!(bench.run("migrate scan"), @r"
    $ migrate scan
    --- stdout
    no credentials in 1 file
    --- exit 0
    ");
    bench.write("big/app.env", &"PORT=8080\n".repeat(500_000));
    shows!(bench.run("migrate scan big"), @r"
    $ migrate scan big
    --- stdout
    big/app.env: larger than 4 MiB: only its beginning was scanned
    no credentials in 1 file; not all of it could be read
    --- exit 3
    ");
}

#[test]
fn what_may_not_be_read_is_told_and_does_not_pass_for_clean() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let bench = Bench::new();
    bench.write("closed/.env", &format!("DB_PASSWORD={CANARY}\n"));
    bench.write("orders/.env", &format!("DB_PASSWORD={CANARY}\n"));
    bench.write("fine/.env", "LOG_LEVEL=info\n");
    for closed in ["closed", "orders/.env"] {
        fs::set_permissions(bench.path(closed), fs::Permissions::from_mode(0o000)).expect("permissions");
    }
    let line = "migrate scan";
    // Root reads everything by two capabilities; without them, it is refused like everybody.
    let is_root = fs::metadata(bench.path("fine")).expect("a folder").uid() == 0;
    let shown = if is_root {
        bench.run_under(&["setpriv", "--bounding-set", "-dac_override,-dac_read_search"], line)
    } else {
        bench.run(line)
    };
    fs::set_permissions(bench.path("closed"), fs::Permissions::from_mode(0o700)).expect("permissions");
    shows!(shown, @r"
    $ migrate scan
    --- stdout
    closed: permission denied
    orders/.env: permission denied
    no credentials in 1 file; not all of it could be read
    --- exit 3
    ");
}
