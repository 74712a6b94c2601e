//! Who is the authority when, and which handovers exist (AUT-1…5).
//!
//! ```text
//!   offline root ──► Git ───────────┐ bootstrap secrets
//!                                   ├──► Vault          authority only moves to the right, once per secret
//!   Secrets Manager ────────────────┘ everything else
//! ```
//!
//! Kubernetes appears nowhere in here: a materialized Secret is derived and disposable, so the type that names authorities
//! has no word for it (AUT-2).

use std::fmt;

use serde::{Deserialize, Serialize};

/// A system whose value of a secret can count. There is deliberately no variant for Kubernetes (AUT-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authority {
    /// Key material kept outside every system, with which bootstrap secrets are decrypted.
    OfflineRoot,
    /// Encrypted intent in a repository.
    Git,
    /// AWS Secrets Manager.
    SecretsManager,
    /// Vault or OpenBao, KV v2.
    Vault,
}

/// The migration phases of the estate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MigrationPhase {
    /// 0: Secrets Manager, read through the SDK on virtual machines.
    Interim,
    /// 1: Secrets Manager, read by External Secrets Operator for pods.
    KubernetesAdoption,
    /// 2: Vault, read by External Secrets Operator for pods.
    Target,
}

/// The phases in which a platform comes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlatformPhase {
    /// 0: nothing runs; the root key is offline.
    RootTrust,
    /// 1: the GitOps controller runs.
    GitOpsControlPlane,
    /// 2: bootstrap secrets are decrypted in the cluster.
    BootstrapMaterialization,
    /// 3: Vault is initialised.
    RuntimeAuthority,
    /// 4: the platform runs.
    SteadyState,
}

/// A handover that exists: from whom to whom. There is no way back to be named (AUT-5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lineage {
    /// Runtime secrets: Secrets Manager → Vault.
    SecretsManagerToVault,
    /// Bootstrap secrets: Git → Vault.
    GitToVault,
}

impl Authority {
    /// Every authority.
    pub const ALL: [Self; 4] = [Self::OfflineRoot, Self::Git, Self::SecretsManager, Self::Vault];

    /// How far along the funnel this authority stands; a handover always raises it (AUT-5).
    #[must_use]
    pub const fn rank(self) -> u8 {
        match self {
            Self::OfflineRoot => 0,
            Self::Git | Self::SecretsManager => 1,
            Self::Vault => 2,
        }
    }

    /// The handover that takes authority away from this system, where one exists.
    #[must_use]
    pub fn handed_over_by(self) -> Option<Lineage> {
        Lineage::ALL.into_iter().find(|lineage| lineage.outgoing() == self)
    }
}

impl MigrationPhase {
    /// Every phase, in order.
    pub const ALL: [Self; 3] = [Self::Interim, Self::KubernetesAdoption, Self::Target];

    /// The number that the documents use.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Interim => 0,
            Self::KubernetesAdoption => 1,
            Self::Target => 2,
        }
    }

    /// The phase that follows.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self {
            Self::Interim => Some(Self::KubernetesAdoption),
            Self::KubernetesAdoption => Some(Self::Target),
            Self::Target => None,
        }
    }

    /// Who may be the authority over a runtime secret's value in this phase. In the last phase each secret has the one or the
    /// other, depending on whether *it* was handed over: the phase bounds, the ledger decides (AUT-3).
    #[must_use]
    pub const fn authorities(self) -> &'static [Authority] {
        match self {
            Self::Interim | Self::KubernetesAdoption => &[Authority::SecretsManager],
            Self::Target => &[Authority::SecretsManager, Authority::Vault],
        }
    }

    /// Whether `authority` may be the authority over a runtime secret's value in this phase (AUT-3).
    #[must_use]
    pub fn admits(self, authority: Authority) -> bool {
        self.authorities().contains(&authority)
    }

    /// Whether the handover may happen in this phase: both its ends are possible here.
    #[must_use]
    pub fn permits(self, lineage: Lineage) -> bool {
        self.admits(lineage.outgoing()) && self.admits(lineage.incoming())
    }
}

impl PlatformPhase {
    /// Every phase, in order.
    pub const ALL: [Self; 5] =
        [Self::RootTrust, Self::GitOpsControlPlane, Self::BootstrapMaterialization, Self::RuntimeAuthority, Self::SteadyState];

    /// The number that the documents use.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::RootTrust => 0,
            Self::GitOpsControlPlane => 1,
            Self::BootstrapMaterialization => 2,
            Self::RuntimeAuthority => 3,
            Self::SteadyState => 4,
        }
    }

    /// The one authority over the platform's secrets in this phase (AUT-1, AUT-4).
    #[must_use]
    pub const fn authority(self) -> Authority {
        match self {
            Self::RootTrust => Authority::OfflineRoot,
            Self::GitOpsControlPlane | Self::BootstrapMaterialization => Authority::Git,
            Self::RuntimeAuthority | Self::SteadyState => Authority::Vault,
        }
    }
}

impl Lineage {
    /// Every handover that exists.
    pub const ALL: [Self; 2] = [Self::SecretsManagerToVault, Self::GitToVault];

    /// Who hands authority over.
    #[must_use]
    pub const fn outgoing(self) -> Authority {
        match self {
            Self::SecretsManagerToVault => Authority::SecretsManager,
            Self::GitToVault => Authority::Git,
        }
    }

    /// Who receives it.
    #[must_use]
    pub const fn incoming(self) -> Authority {
        match self {
            Self::SecretsManagerToVault | Self::GitToVault => Authority::Vault,
        }
    }
}

// REQ AUT-5: a lineage that does not go forward does not compile.
const _: () = {
    let mut i = 0;
    while i < Lineage::ALL.len() {
        assert!(Lineage::ALL[i].outgoing().rank() < Lineage::ALL[i].incoming().rank(), "a handover only goes forward");
        i += 1;
    }
};

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OfflineRoot => "the offline root",
            Self::Git => "Git",
            Self::SecretsManager => "Secrets Manager",
            Self::Vault => "Vault",
        })
    }
}

impl fmt::Display for Lineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} → {}", self.outgoing(), self.incoming())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // REQ AUT-5: authority moves once per secret. After a handover the receiver hands over to nobody.
    #[test]
    fn what_received_authority_never_hands_it_on() {
        for lineage in Lineage::ALL {
            assert_eq!(lineage.incoming().handed_over_by(), None, "{lineage}");
        }
    }

    // REQ AUT-2: whoever adds a variant has to come here and explain why it is not Kubernetes.
    #[test]
    fn kubernetes_is_no_authority() {
        let names = Authority::ALL.map(|authority| match authority {
            Authority::OfflineRoot => "offline-root",
            Authority::Git => "git",
            Authority::SecretsManager => "secrets-manager",
            Authority::Vault => "vault",
        });
        assert_eq!(names.len(), 4);
        assert!(serde_json::from_str::<Authority>("\"kubernetes\"").is_err());
    }

    // REQ AUT-1, AUT-4: exactly one authority in each platform phase, and it never goes back.
    #[test]
    fn platform_authority_only_goes_forward() {
        let ranks = PlatformPhase::ALL.map(|phase| phase.authority().rank());
        assert!(ranks.is_sorted(), "{ranks:?}");
        assert_eq!(PlatformPhase::ALL.map(PlatformPhase::number), [0, 1, 2, 3, 4]);
    }

    // REQ AUT-3
    #[test]
    fn a_handover_to_vault_belongs_to_the_last_migration_phase() {
        let permitted = MigrationPhase::ALL.map(|phase| phase.permits(Lineage::SecretsManagerToVault));
        assert_eq!(permitted, [false, false, true]);
        assert!(!MigrationPhase::ALL.iter().any(|phase| phase.admits(Authority::Git)));
        assert_eq!(MigrationPhase::Interim.next().and_then(MigrationPhase::next), Some(MigrationPhase::Target));
    }
}
