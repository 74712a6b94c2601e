//! Principals as IAM knows them.

use migrate_core::ports::{PortError, PortErrorKind};

use super::{Client, failed::failed};
use crate::attempts::Request;

impl Client {
    /// The ARN of the role of that name, with its path; `None` where there is none.
    pub(crate) async fn role_arn(&self, name: &str) -> Result<Option<String>, PortError> {
        let request = Request { operation: "GetRole", subject: name, changes: false };
        let send = || async { self.iam.get_role().role_name(name).send().await.map_err(failed) };
        let answer = self.attempts.run(request, send).await;
        absent(answer.map(|answer| answer.role.map(|role| role.arn)))
    }

    /// The ARN of the user of that name, with its path; `None` where there is none.
    pub(crate) async fn user_arn(&self, name: &str) -> Result<Option<String>, PortError> {
        let request = Request { operation: "GetUser", subject: name, changes: false };
        let send = || async { self.iam.get_user().user_name(name).send().await.map_err(failed) };
        let answer = self.attempts.run(request, send).await;
        absent(answer.map(|answer| answer.user.map(|user| user.arn)))
    }
}

/// Nothing there is an answer.
fn absent<T>(answer: Result<Option<T>, PortError>) -> Result<Option<T>, PortError> {
    match answer {
        Err(error) if error.kind == PortErrorKind::NotFound => Ok(None),
        other => other,
    }
}
