//! `[environment.NAME.cluster]`

use jiff::SignedDuration;
use toml::de::DeTable;

use super::Reader;

/// `[environment.NAME.cluster]`: where ExternalSecrets are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClusterTable {
    /// `kubeconfig`
    pub kubeconfig: Option<String>,
    /// `context`
    pub context: Option<String>,
    /// `wait`
    pub wait: Option<SignedDuration>,
    /// `concurrency`
    pub concurrency: Option<usize>,
}

const CLUSTER: &[&str] = &["kubeconfig", "context", "wait", "concurrency"];

impl Reader<'_> {
    pub(super) fn cluster(&mut self, table: &DeTable<'_>) -> ClusterTable {
        let mut read = ClusterTable::default();
        self.each(table, CLUSTER, |reader, key, value| match key {
            "kubeconfig" => read.kubeconfig = reader.text(key, value),
            "context" => read.context = reader.text(key, value),
            "wait" => read.wait = reader.duration(key, value),
            _ => read.concurrency = reader.count(key, value),
        });
        read
    }
}
