//! Secrets Manager as an independent reader sees it: an account of one's own, and the JSON API by plain HTTP.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use rehearsal::world::{AwsKey, Endpoints};
use serde_json::{Value, json};

use super::Servers;

const REGION: &str = "eu-central-1";

/// An account that only this test uses. moto keeps accounts apart by the credentials of an assumed role.
#[derive(Clone, Debug)]
pub(crate) struct AwsAccount {
    /// Twelve digits.
    pub(crate) id: String,
    pub(crate) region: &'static str,
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) session_token: String,
    pub(crate) endpoint: String,
    http: reqwest::Client,
}

impl AwsAccount {
    /// Assumes a role in an account drawn at random.
    pub(crate) async fn fresh(servers: &Servers) -> Self {
        Self::with_role_at(servers, "/").await
    }

    /// The same, whose role has a path. It is assumed without, so that the caller's ARN is as AWS shows it.
    pub(crate) async fn with_role_at(servers: &Servers, path: &str) -> Self {
        let id = format!("{:012}", uuid::Uuid::new_v4().as_u128() % 1_000_000_000_000);
        let http = servers.http();
        let answer = http
            .post(&servers.moto_url)
            .header("authorization", authorization("test", "sts"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam::{id}:role/migration&RoleSessionName=test"))
            .send()
            .await
            .expect("moto answers AssumeRole")
            .text()
            .await
            .expect("an XML document");
        let account = Self {
            access_key_id: element(&answer, "AccessKeyId"),
            secret_access_key: element(&answer, "SecretAccessKey"),
            session_token: element(&answer, "SessionToken"),
            endpoint: servers.moto_url.clone(),
            region: REGION,
            id,
            http,
        };
        // moto lets a role be assumed that is not there; a fence that exempts it would be refused.
        account.create_role(path, "migration").await;
        account
    }

    pub(crate) async fn create_role(&self, path: &str, name: &str) {
        let role = format!("Action=CreateRole&Version=2010-05-08&Path={path}&RoleName={name}&AssumeRolePolicyDocument=%7B%7D");
        self.send("", "iam", role).await;
    }

    /// The account of an embedded world, as the owner of a key sees it.
    pub(crate) fn embedded(servers: &Servers, endpoints: &Endpoints, key: &AwsKey) -> Self {
        Self {
            id: endpoints.account.clone(),
            region: REGION,
            access_key_id: key.id.clone(),
            secret_access_key: key.secret.expose().to_owned(),
            session_token: "made-up".to_owned(),
            endpoint: endpoints.aws_url.clone(),
            http: servers.http(),
        }
    }

    /// The variables by which the AWS SDK finds this account.
    pub(crate) fn environment(&self) -> [(&'static str, String); 6] {
        [
            ("AWS_ENDPOINT_URL", self.endpoint.clone()),
            ("AWS_REGION", self.region.into()),
            ("AWS_ACCESS_KEY_ID", self.access_key_id.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.secret_access_key.clone()),
            ("AWS_SESSION_TOKEN", self.session_token.clone()),
            ("AWS_EC2_METADATA_DISABLED", "true".into()),
        ]
    }

    /// Calls an operation of Secrets Manager and returns its answer; a refusal fails the test.
    pub(crate) async fn call(&self, operation: &str, input: Value) -> Value {
        self.try_call(operation, input).await.unwrap_or_else(|refusal| panic!("{operation} was refused: {refusal}"))
    }

    /// Calls an operation of Secrets Manager; `Err` is the body of a refusal.
    pub(crate) async fn try_call(&self, operation: &str, input: Value) -> Result<Value, Value> {
        let answer = self
            .http
            .post(&self.endpoint)
            .header("authorization", authorization(&self.access_key_id, "secretsmanager"))
            .header("x-amz-security-token", &self.session_token)
            .header("x-amz-target", format!("secretsmanager.{operation}"))
            .header("content-type", "application/x-amz-json-1.1")
            .body(input.to_string())
            .send()
            .await
            .unwrap_or_else(|error| panic!("moto does not answer {operation}: {error}"));
        let accepted = answer.status().is_success();
        // TagResource and its like answer with nothing at all.
        let body = answer.bytes().await.expect("a whole answer");
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).expect("a JSON answer") };
        if accepted { Ok(body) } else { Err(body) }
    }

    /// Creates a secret with a text and returns its version id.
    pub(crate) async fn create_text(&self, name: &str, text: &str) -> String {
        self.create(json!({"Name": name, "SecretString": text})).await
    }

    /// Creates a secret with bytes and returns its version id.
    pub(crate) async fn create_binary(&self, name: &str, bytes: &[u8]) -> String {
        self.create(json!({"Name": name, "SecretBinary": BASE64.encode(bytes)})).await
    }

    /// Two Lambda functions that RotateSecret takes; nothing runs in them, since moto is told to do without containers.
    pub(crate) async fn rotation_functions(&self) -> [String; 2] {
        /// A ZIP archive of no file.
        const EMPTY: &[u8] = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
        self.send("moto-api/config", "moto", json!({ "lambda": { "use_docker": false } }).to_string()).await;
        self.create_role("/", "rotation").await;
        let names = ["rotate", "rotate-otherwise"];
        for name in names {
            let function = json!({
                "FunctionName": name,
                "Runtime": "python3.11",
                "Handler": "rotate.handler",
                "Role": format!("arn:aws:iam::{}:role/rotation", self.id),
                "Code": { "ZipFile": BASE64.encode(EMPTY) },
            });
            self.send("2015-03-31/functions", "lambda", function.to_string()).await;
        }
        names.map(|name| format!("arn:aws:lambda:{REGION}:{}:function:{name}", self.id))
    }

    /// Sends to another service of moto's; a function or role that is there already is as good.
    async fn send(&self, path: &str, service: &str, body: String) {
        let kind = if service == "iam" { "application/x-www-form-urlencoded" } else { "application/json" };
        let request = self.http.post(format!("{}/{path}", self.endpoint)).header("content-type", kind);
        let request = request.header("authorization", authorization(&self.access_key_id, service));
        let answer = request.header("x-amz-security-token", &self.session_token).body(body).send().await;
        let status = answer.expect("moto answers").status();
        assert!(status.is_success() || status == 409, "moto refused a request to {service}: {status}");
    }

    async fn create(&self, mut input: Value) -> String {
        // The API asks for a token: it becomes the version id.
        input["ClientRequestToken"] = uuid::Uuid::new_v4().to_string().into();
        self.call("CreateSecret", input).await["VersionId"].as_str().expect("a version id").to_owned()
    }
}

/// moto takes account and service from the credential scope and checks no signature.
fn authorization(access_key_id: &str, service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={access_key_id}/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

/// The text of the first element of that name. STS answers in XML and nothing else here does: no parser for four strings.
fn element(xml: &str, name: &str) -> String {
    let (_, rest) = xml.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name} in {xml}"));
    rest.split('<').next().unwrap_or_default().to_owned()
}
