//! Values that can be found again: each holds the run's canary, which `cargo xtask test` searches for in everything the run wrote.

use serde_json::json;

/// Makes values for one test. All of them differ.
#[derive(Clone, Debug)]
pub(crate) struct Canary {
    prefix: String,
}

impl Canary {
    /// The canary of this run.
    pub(crate) fn of_this_run() -> Self {
        Self { prefix: super::variable("MIGRATE_TEST_CANARY") }
    }

    /// What every value begins with or holds.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// One word: the canary and something random.
    pub(crate) fn word(&self) -> String {
        format!("{}-{}", self.prefix, uuid::Uuid::new_v4().simple())
    }

    /// Text that is no JSON, with every character that an encoding may trip over.
    pub(crate) fn text(&self) -> String {
        format!("{} <&> \"quoted\" \\ Zürich \u{2028} 🔑\n", self.word())
    }

    /// A JSON object whose members are all strings.
    pub(crate) fn object(&self) -> String {
        json!({"username": self.word(), "password": self.text(), "host": "db.example.internal"}).to_string()
    }

    /// A JSON object with numbers as written, nesting, null and booleans.
    pub(crate) fn nested(&self) -> String {
        format!(
            r#"{{"password":"{}","port":3306,"ratio":1.10,"big":12345678901234567890,"exp":1e10,"tls":true,"none":null,"db":{{"host":"{}","list":[1,"<&>"]}}}}"#,
            self.word(),
            self.word(),
        )
    }

    /// A text in the shape of a PEM file, whose lines are not base64 and so still hold the canary.
    pub(crate) fn pem(&self) -> String {
        let lines: Vec<_> = (0..24).map(|_| self.word()).collect();
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
    }

    /// Bytes that are no UTF-8.
    pub(crate) fn binary(&self) -> Vec<u8> {
        [&[0x00, 0xff, 0xfe, 0x80], self.word().as_bytes(), &[0xc3, 0x28, 0x00]].concat()
    }

    /// A text of 65,536 bytes, the most that Secrets Manager takes.
    pub(crate) fn largest(&self) -> String {
        let mut text = self.word();
        text.extend(std::iter::repeat_n('x', 65_536 - text.len()));
        text
    }
}
