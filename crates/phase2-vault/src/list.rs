//! What entries a mount has, by name: what nobody declared can only be found by listing, for which the migration role has no right (its
//! policy says why). Whoever has it finds more.

use std::collections::BTreeSet;

use migrate_core::ports::{PortError, PortErrorKind};
use serde::Deserialize;

use crate::{
    client::{Call, Endpoint},
    vault::Vault,
};

impl Vault {
    /// The paths of all entries below some folders of the mount, deleted ones among them, since their paths are taken.
    ///
    /// # Errors
    /// [`PortErrorKind::Denied`] where the token may not list; any other failure of the server.
    pub async fn paths_below(&self, folders: &[&str]) -> Result<BTreeSet<String>, PortError> {
        let mut found = BTreeSet::new();
        let mut waiting: Vec<String> = folders.iter().map(|folder| format!("{folder}/")).collect();
        while !waiting.is_empty() {
            let level = std::mem::take(&mut waiting);
            let lists = self.each(level.len(), |nth| self.keys(&level[nth])).await;
            for (folder, keys) in level.iter().zip(lists) {
                let (deeper, entries): (Vec<String>, Vec<String>) =
                    keys?.into_iter().map(|key| format!("{folder}{key}")).partition(|path| path.ends_with('/'));
                waiting.extend(deeper);
                found.extend(entries);
            }
        }
        Ok(found)
    }

    /// The names right below a folder, those of folders with a slash at their end.
    async fn keys(&self, folder: &str) -> Result<Vec<String>, PortError> {
        #[derive(Deserialize)]
        struct Keys {
            keys: Vec<String>,
        }
        let path = format!("{}/metadata/{}", self.client().mount(), folder.trim_end_matches('/'));
        let call = Call::get(Endpoint::List(&path));
        match self.client().send(Call::get(Endpoint::List(&path))).await {
            Ok(answer) if answer.is_not_found => Ok(Vec::new()),
            Ok(answer) => self.client().parse::<Keys>(&call, &answer).map(|listed| listed.keys),
            Err(error) if error.kind == PortErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}
