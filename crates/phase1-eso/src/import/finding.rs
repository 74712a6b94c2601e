//! What an import has to tell about a manifest: typed, at its place, without anything that could be a value.

use std::{fmt, rc::Rc};

use migrate_core::{
    inventory::{Position, Suspicion, external_secret::StoreRef},
    name::SecretName,
};

/// Something about one manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file, as it was named.
    pub file: Rc<str>,
    /// Where in it.
    pub at: Position,
    /// The object, as in `ExternalSecret shop/db`, where it can be named.
    pub object: Option<Rc<str>>,
    /// The place in the object, as in `spec.data[0].remoteRef`; empty for the object itself.
    pub path: String,
    /// What it is.
    pub kind: FindingKind,
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// The whole object was left alone.
    LeftAlone,
    /// Something that the object says did not come along.
    NotKept,
    /// It came along, and a person should look at it.
    Look,
}

/// Kinds of findings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FindingKind {
    /// The object was left alone.
    LeftAlone(LeftAlone),
    /// A part of it did not come along.
    NotKept(NotKept),
    /// It came along, but for this.
    Look(Look),
}

/// Why an object was left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeftAlone {
    /// It has no name or namespace.
    Unnamed(&'static str),
    /// A part of it breaks a rule, so that Kubernetes would refuse it or nobody knows what it means.
    Unfit(String),
    /// A text looks like a value.
    LooksLikeValue(Suspicion),
    /// It reads nothing from Secrets Manager.
    ReadsNothingOfOurs,
    /// It reads nothing at all.
    ReadsNothing,
    /// Another object makes it.
    Owned,
    /// `migrate` made it of the inventory.
    Emitted,
    /// Another manifest says something else of the same object.
    Contradicts {
        /// The other one's file.
        file: Rc<str>,
        /// Its line.
        line: u64,
    },
    /// An API version that is not known here.
    ApiVersion,
    /// A template of the first engine, which the operator dropped.
    EngineV1,
    /// Its predecessor's templates have no counterpart.
    OldTemplate,
    /// A store of something other than Secrets Manager.
    Provider(String),
    /// A store of another service of AWS.
    Service(String),
    /// A store for another region than the environment's.
    Region,
}

/// What did not come along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotKept {
    /// Nothing here asks for such a field: the operator's API has none of this name, or it has no place in an inventory.
    Unknown,
    /// A label or annotation that looks like a value.
    LooksLikeValue(Suspicion),
    /// `nullBytePolicy: Fail` of a read.
    NullBytePolicy,
    /// `conversionStrategy` of a single key, where the operator takes no notice of it.
    Conversion,
    /// A later item has the same `secretKey`, and wins.
    Overwritten,
    /// The store puts a prefix before each key, and it is not the environment's store.
    Prefix(StoreRef),
    /// Role or region of one object: both belong to a store.
    BelongsToStore,
    /// A store of the first version of Vault's KV engine.
    KvVersion,
    /// The certificate of a CA, in a manifest.
    CaBundle,
}

/// What a person should look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// The application was guessed from the namespace, or from the object's name.
    Application,
    /// The store is not among the manifests; it was taken for one of Secrets Manager.
    Store(StoreRef),
    /// One secret is read through two stores: this read stays as it is, and is not switched.
    SecondStore,
    /// A key is an ARN, which an inventory names without account and region.
    Arn,
    /// A key that is no name in Secrets Manager: this read stays as it is, and is not switched.
    Key,
    /// `find` by tags: which secrets it reaches is known to Secrets Manager only.
    FindByTags,
    /// A regular expression that can't be followed exactly.
    FindRegexp,
    /// `find` that matches no secret that is known.
    FindsNothing,
    /// What it matches beside these secrets is not known.
    Finds(Vec<SecretName>),
    /// `isBinary`: it became `decodingStrategy: Base64`.
    Binary,
    /// It was one of kubernetes-external-secrets, which reads values other than texts in its own way.
    Predecessor,
    /// A PushSecret writes to stores found by label.
    StoreLabels,
}

impl FindingKind {
    /// How much it weighs.
    #[must_use]
    pub fn weight(&self) -> Weight {
        match self {
            Self::LeftAlone(_) => Weight::LeftAlone,
            Self::NotKept(_) => Weight::NotKept,
            Self::Look(_) => Weight::Look,
        }
    }

    /// What it is, without the word for its weight.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::LeftAlone(why) => why.to_string(),
            Self::NotKept(what) => what.to_string(),
            Self::Look(at) => at.to_string(),
        }
    }

    /// A stable name, for machines.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::LeftAlone(why) => match why {
                LeftAlone::Unnamed(_) => "unnamed",
                LeftAlone::Unfit(_) => "unfit",
                LeftAlone::LooksLikeValue(_) => "looks-like-value",
                LeftAlone::ReadsNothingOfOurs => "reads-nothing-of-ours",
                LeftAlone::ReadsNothing => "reads-nothing",
                LeftAlone::Owned => "owned",
                LeftAlone::Emitted => "emitted",
                LeftAlone::Contradicts { .. } => "contradicts",
                LeftAlone::ApiVersion => "api-version",
                LeftAlone::EngineV1 => "engine-v1",
                LeftAlone::OldTemplate => "old-template",
                LeftAlone::Provider(_) => "other-provider",
                LeftAlone::Service(_) => "other-service",
                LeftAlone::Region => "other-region",
            },
            Self::NotKept(what) => match what {
                NotKept::Unknown => "unknown-field",
                NotKept::LooksLikeValue(_) => "withheld",
                NotKept::NullBytePolicy => "null-byte-policy",
                NotKept::Conversion => "conversion-without-effect",
                NotKept::Overwritten => "overwritten",
                NotKept::Prefix(_) => "store-prefix",
                NotKept::BelongsToStore => "belongs-to-store",
                NotKept::KvVersion => "kv-version",
                NotKept::CaBundle => "ca-bundle",
            },
            Self::Look(at) => match at {
                Look::Application => "application-guessed",
                Look::Store(_) => "store-assumed",
                Look::SecondStore => "second-store",
                Look::Arn => "arn",
                Look::Key => "key",
                Look::FindByTags => "find-by-tags",
                Look::FindRegexp => "find-regexp",
                Look::FindsNothing => "finds-nothing",
                Look::Finds(_) => "finds",
                Look::Binary => "binary",
                Look::Predecessor => "predecessor",
                Look::StoreLabels => "store-labels",
            },
        }
    }
}

impl fmt::Display for Finding {
    /// `file:line:column: object: path: what`, in a form that editors jump to.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.at.line, self.at.column)?;
        if let Some(object) = &self.object {
            write!(f, "{object}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        self.kind.fmt(f)
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeftAlone(why) => write!(f, "left alone: {why}"),
            Self::NotKept(what) => write!(f, "not kept: {what}"),
            Self::Look(at) => at.fmt(f),
        }
    }
}

impl fmt::Display for LeftAlone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unnamed(key) => write!(
                f,
                "it has no `metadata.{key}`; render it first (`kustomize build DIR | migrate eso import -`), or say --namespace"
            ),
            Self::Unfit(rule) => f.write_str(rule),
            Self::LooksLikeValue(suspicion) => {
                write!(f, "this looks like {suspicion}; move the value into a secret and name it in the template")
            }
            Self::ReadsNothingOfOurs => f.write_str("it reads nothing from Secrets Manager"),
            Self::ReadsNothing => f.write_str("it reads nothing"),
            Self::Emitted => f.write_str("it is made of the inventory, which knows it already"),
            Self::Owned => f.write_str("another object makes it; its maker is what counts"),
            Self::Contradicts { file, line } => {
                write!(f, "{file}:{line} says something else of the same object; import one of the two")
            }
            Self::ApiVersion => f.write_str("this API version is not known here"),
            Self::EngineV1 => {
                f.write_str("its template is one of engine v1, which the operator dropped; rewrite it for engineVersion v2")
            }
            Self::OldTemplate => {
                f.write_str("a template of kubernetes-external-secrets has no counterpart; write `target.template` by hand")
            }
            Self::Provider(provider) => write!(f, "a store of {provider}, not of Secrets Manager"),
            Self::Service(service) => write!(f, "a store of {service}, not of Secrets Manager"),
            Self::Region => f.write_str("a store for another region than the environment's"),
        }
    }
}

impl fmt::Display for NotKept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("nothing in an inventory stands for this field"),
            Self::LooksLikeValue(suspicion) => write!(f, "this looks like {suspicion}"),
            Self::NullBytePolicy => f.write_str("how null bytes are treated can be said of other reads only"),
            Self::Conversion => f.write_str("the operator converts no name of a single key, so it has no effect"),
            Self::Overwritten => f.write_str("a later item has the same secretKey and wins"),
            Self::Prefix(store) => write!(
                f,
                "{} {} puts a prefix before each key and is not the environment's store; let it read from that one",
                store.kind, store.name
            ),
            Self::KvVersion => f.write_str("only version v2 of the KV engine is spoken here"),
            Self::CaBundle => f.write_str("write the certificate into a file and name it: `ca = { file = \"ca.pem\" }`"),
            Self::BelongsToStore => f.write_str("this belongs to the store: one for each role and region"),
        }
    }
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Application => f.write_str("no label says which application it is for; `application` was guessed"),
            Self::Store(store) => write!(
                f,
                "{} {} is not among the manifests; it was taken for the environment's Secrets Manager",
                store.kind, store.name
            ),
            Self::SecondStore => {
                f.write_str("the same secret is read through two stores; this read stays as it is and will not be switched")
            }
            Self::Arn => f.write_str("an ARN; it was taken for a secret of the environment's own account, and goes by its name from now on"),
            Self::Key => f.write_str("no name that Secrets Manager has in this region; this read stays as it is and will not be switched"),
            Self::FindByTags => f.write_str("which secrets have these tags is known to Secrets Manager only; add a `find` read to each"),
            Self::FindRegexp => f.write_str("this expression can't be followed exactly; add a `find` read to each secret that it matches"),
            Self::FindsNothing => f.write_str("no secret that is known matches"),
            Self::Finds(names) => {
                f.write_str("of the secrets that are known it matches ")?;
                for (at, name) in names.iter().enumerate() {
                    write!(f, "{}{name}", if at == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
            Self::Binary => f.write_str(
                "isBinary became decodingStrategy Base64; take that out where Secrets Manager holds the bytes themselves (SecretBinary)",
            ),
            Self::Predecessor => f.write_str(
                "kubernetes-external-secrets writes numbers and objects inside of JSON in its own way; compare the Kubernetes Secrets",
            ),
            Self::StoreLabels => f.write_str("which stores have these labels is known to the cluster only; add the writer by hand"),
        }
    }
}
