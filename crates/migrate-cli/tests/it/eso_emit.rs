//! `migrate eso emit` for secrets of every kind, before and after a real handover: kustomize builds it, another YAML parser reads it back,
//! and our own validation finds nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    rc::Rc,
};

use phase1_eso::{lint::Severity, validate, version::EsoVersion, yaml};
use serde_json::Value;

use crate::{
    eso_kinds::Kinds,
    estate,
    support::{AwsAccount, Mount, Servers, Workbench},
};

/// Prints the documents of files as JSON, as a parser of YAML 1.1 understands them. `BaseLoader` takes every scalar for a text: where both
/// agree, no text was taken for something else.
const READ_BACK: &str = r#"
import json, sys, yaml
def same(typed, text):
    if isinstance(typed, dict):
        return typed.keys() == text.keys() and all(same(typed[key], text[key]) for key in typed)
    if isinstance(typed, list):
        return len(typed) == len(text) and all(map(same, typed, text))
    return typed == text or (isinstance(typed, bool) and text in ("true", "false"))
read = {}
for path in sys.argv[1:]:
    typed = list(yaml.safe_load_all(open(path, encoding="utf-8")))
    text = list(yaml.load_all(open(path, encoding="utf-8"), Loader=yaml.BaseLoader))
    assert same(typed, text), path
    read[path] = typed
print(json.dumps(read))
"#;

struct Emitting<'a> {
    bench: &'a Workbench,
    kustomize: String,
}

impl Emitting<'_> {
    /// Emits twice, and looks at what came out in every way; returns the objects by kind, namespace and name.
    fn emit(&self, out: &str, arguments: &[&str]) -> BTreeMap<(String, String), Value> {
        let typed = [&["eso", "emit", "--out", out], arguments].concat();
        self.bench.migrate(&typed).expect_code(0);
        let first = self.files(out);
        self.bench.migrate(&typed).expect_code(0);
        assert!(first == self.files(out), "emitting twice gave two outcomes");
        self.bench.migrate(&[typed.as_slice(), &["--check"]].concat()).expect_code(0);
        self.validate(&first);
        self.built(out)
    }

    /// Every file below a folder, and its text.
    fn files(&self, out: &str) -> BTreeMap<PathBuf, String> {
        let (mut files, mut waiting) = (BTreeMap::new(), vec![self.bench.repository().join(out)]);
        while let Some(folder) = waiting.pop() {
            for entry in fs::read_dir(&folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    waiting.push(path);
                } else {
                    let text = fs::read_to_string(&path).expect("a text");
                    files.insert(path, text);
                }
            }
        }
        files
    }

    fn validate(&self, files: &BTreeMap<PathBuf, String>) {
        let is_yaml = |path: &&PathBuf| path.extension().is_some_and(|extension| extension == "yaml");
        let sources: Vec<_> = files
            .keys()
            .filter(is_yaml)
            .map(|path| validate::Source { file: Rc::from(path.to_string_lossy()), stream: yaml::read(&files[path]) })
            .collect();
        let against = validate::Against { version: EsoVersion::DEFAULT, ..validate::Against::default() };
        let wrong = validate::validate(&sources, against).findings;
        let wrong: Vec<_> =
            wrong.iter().filter(|finding| finding.lint.severity == Severity::Error).map(ToString::to_string).collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// What kustomize makes of the overlay is what PyYAML reads in the files.
    fn built(&self, out: &str) -> BTreeMap<(String, String), Value> {
        let overlay = self.bench.repository().join(out).join("overlays/test");
        let built = self.bench.run(&self.kustomize, &["build", &text(&overlay)]).expect_code(0).stdout;
        self.bench.write(Path::new(out).with_extension("built.yaml"), &built);
        let whole = self.bench.repository().join(out).with_extension("built.yaml");
        let is_manifest = |path: &&PathBuf| {
            path.extension().is_some_and(|extension| extension == "yaml") && !path.to_string_lossy().contains("/workloads/")
        };
        let files = self.files(out);
        let manifests: Vec<String> = files.keys().filter(is_manifest).map(|path| text(path)).collect();
        let by_hand = objects(&self.read_back(&manifests));
        let by_kustomize = objects(&self.read_back(&[text(&whole)]));
        assert_eq!(by_hand.keys().collect::<Vec<_>>(), by_kustomize.keys().collect::<Vec<_>>());
        assert!(by_hand == by_kustomize, "kustomize changed an object");
        by_hand
    }

    fn read_back(&self, paths: &[String]) -> Value {
        let arguments: Vec<&str> = ["-c", READ_BACK].into_iter().chain(paths.iter().map(String::as_str)).collect();
        let said = self.bench.run("python3", &arguments).expect_code(0).stdout;
        serde_json::from_str(&said).expect("JSON")
    }
}

fn text(path: &Path) -> String {
    path.to_str().expect("UTF-8").to_owned()
}

fn objects(read: &Value) -> BTreeMap<(String, String), Value> {
    let documents = read.as_object().expect("files").values().flat_map(|documents| documents.as_array().expect("documents"));
    documents
        .filter(|document| document["kind"] != "Kustomization")
        .map(|document| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            ((text(&document["kind"]), text(&document["metadata"]["name"])), document.clone())
        })
        .collect()
}

// REQ ESO-1, ESO-2, ESO-4, NAM-3, VLT-3, OPS-1
#[tokio::test(flavor = "multi_thread")]
async fn sixty_secrets_of_every_kind_for_both_stores() {
    let servers = Servers::from_env();
    // Names of secrets begin with the mount's: no random text, which an inventory would take for a key.
    let mount = Mount::made(&servers, format!("team/kinds-{}", std::process::id())).await;
    let account = AwsAccount::fresh(&servers).await;
    let bench = estate::workbench("eso-emit", &account, &mount).with("PYTHONPATH", text(&servers.python_packages));
    let kinds = Kinds::make(2, &mount.path);
    assert_eq!(kinds.len(), 60);
    kinds.seed(&account).await;
    bench.write("secrets-inventory.yaml", &kinds.inventory());
    let configuration = bench
        .read("migrate.toml")
        .replace("[environment.test.outgoing]", "[environment.test.outgoing]\nregion = \"eu-central-1\"");
    bench.write("migrate.toml", &format!("{configuration}address = \"{}\"\n\n[environment.test.eso]\n", servers.bao_addr));
    bench.migrate(&["inventory", "validate"]).expect_code(0);

    // Today: from Secrets Manager.
    let emitting = Emitting { bench: &bench, kustomize: text(&servers.kustomize) };
    let today = emitting.emit("today", &["--store", "aws"]);
    let of = |objects: &BTreeMap<(String, String), Value>, kind: &str, name: &str| {
        objects.get(&(kind.to_owned(), name.to_owned())).unwrap_or_else(|| panic!("there is no {kind} {name}")).clone()
    };
    let odd = of(&today, "ExternalSecret", "platform-data-kinds-k16-0");
    let template = &odd["spec"]["target"]["template"]["data"];
    assert_eq!(template["config.ini"], "[db]\nuser = {{ .username }}\n  indented: \"yes\"\n\n# {{ .password }}\n");
    assert_eq!(
        (&template["odd"], &template["clock"], &template["nothing"]),
        (&"  leading\nand trailing  \n\n".into(), &"12:30".into(), &"~".into())
    );
    assert_eq!((&odd["metadata"]["annotations"]["on"], &odd["metadata"]["labels"]["12"]), (&"off".into(), &"1e3".into()));
    assert_eq!(of(&today, "ExternalSecret", "platform-data-kinds-k2-0")["spec"]["data"][0]["secretKey"], "012");

    // Before the commit Vault is refused; ahead of it, what the plan proved is written.
    bench.migrate(&["plan", "--wave", "one"]).expect_code(0);
    bench.migrate(&["eso", "emit", "--store", "vault", "--out", "later"]).expect_code(3);
    let ahead = emitting.emit("later", &["--store", "vault", "--ahead-of-commit"]);
    bench.migrate(&["apply", "--through", "commit"]).expect_code(0);
    let later = emitting.emit("later", &["--store", "vault"]);
    assert!(ahead == later, "the commit changed what the plan proved");
    assert!(emitting.emit("by-ledger", &["--store", "authority"]) == later, "all that moves is committed");
    bench.migrate(&["eso", "emit", "--store", "aws", "--out", "today"]).expect_code(3);

    let names = |objects: &BTreeMap<(String, String), Value>| -> BTreeSet<(String, String)> {
        objects.keys().filter(|(kind, _)| kind.ends_with("ExternalSecret")).cloned().collect()
    };
    assert_eq!(names(&today), names(&later));
    let beginning = of(&later, "ExternalSecret", &format!("{}-kinds-0", mount.path.replace('/', "-")));
    let key = beginning["spec"]["dataFrom"][0]["extract"]["key"].as_str().expect("a key");
    assert_eq!(key, format!("{0}/{0}/kinds/0", mount.path), "a name that begins with the mount");
    let staying = of(&later, "ExternalSecret", "platform-data-kinds-k0-0");
    assert_eq!(staying["spec"]["secretStoreRef"]["name"], "vault-backend");
    assert_eq!(staying["spec"]["data"][1]["sourceRef"]["storeRef"]["name"], "aws-secrets-manager");
    let found = of(&later, "ExternalSecret", "platform-data-kinds-k11-0");
    assert!(found["spec"]["dataFrom"].is_null() && found["spec"]["data"][0]["remoteRef"]["key"] == "platform-data/kinds/k11-0");
    let bytes = of(&later, "ExternalSecret", "platform-data-kinds-bytes-0");
    assert_eq!(bytes["spec"]["data"][0]["remoteRef"]["decodingStrategy"], "Base64");
    assert_eq!(of(&later, "ClusterExternalSecret", "platform-data-kinds-everywhere-0")["spec"]["refreshTime"], "5m0s");
}
