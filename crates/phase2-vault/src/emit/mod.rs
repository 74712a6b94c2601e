//! What Vault or OpenBao needs so that External Secrets Operator can read, publishers can write and this tool can migrate (REQ VLT-3). Pure.
//!
//! ```text
//!           ┌─► Policy::to_hcl        policy files
//! Wanted ──►│ Needs
//!           ├─► script                a shell script of API calls
//!           ├─► terraform             the same for Terraform
//!           └─► crate::check          compared with a live server
//! ```
//! One description and four uses of it, so that what is emitted and what is compared can't differ.
//!
//! Not here: the server's own settings (seal, listeners, audit devices), and credentials; none of the outputs holds one.

mod needs;
pub(crate) mod policy;
mod script;
mod terraform;

pub use needs::{
    Account, Authority, Grants, KubernetesAuth, Mount, Needs, NeedsError, Place, Publisher, Role, TokenType, Tokens, Wanted,
};
pub use policy::{Allowed, Capability, Policy, Rule, migration_policy};
pub use script::{Stage, command, script};
pub use terraform::terraform;

/// The inside of an HCL string: `\` and `"` escaped, and `${` and `%{`, which would begin a template.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "$${").replace("%{", "%%{")
}
