//! What each release of External Secrets Operator serves, requires and defaults: our own table of its custom resources.
//!
//! ```text
//! Kind ──► api_versions      which are served and stored
//!      └─► shape ──► Field ──► Field …    name, content, required, default, and the releases that have it
//! ```
//!
//! A field whose rule changed has one row for each rule, with releases that do not overlap. `metadata` and `status` have no rows: the
//! first is Kubernetes' own, the second is not written by people. Of a store's providers, `aws` and `vault` have all their fields, the
//! others their name. A test takes the CRDs of the releases and compares them with these rows, both ways (`tests/it/table.rs`); what it
//! can't see, because only the controller does it, is `Field::taken_as`.

mod external_secret;
mod push_secret;
mod rule;
mod schema;
mod shapes;
mod store;
mod text;

pub use self::{rule::Rule, text::Form};
use crate::version::Release;

/// The API group of all kinds here.
pub const GROUP: &str = "external-secrets.io";

/// The kinds that have rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `ExternalSecret`
    ExternalSecret,
    /// `ClusterExternalSecret`: one for every namespace it selects
    ClusterExternalSecret,
    /// `SecretStore`
    SecretStore,
    /// `ClusterSecretStore`
    ClusterSecretStore,
    /// `PushSecret`
    PushSecret,
    /// `ClusterPushSecret`. Its CRD of 2.9.0 was not looked at; its rows are those of 1.3.2 and of `PushSecret`.
    ClusterPushSecret,
}

/// One API version of a kind. No release from 0.17.0 on differs in these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiVersion {
    /// As in `v1`.
    pub name: &'static str,
    /// Whether the API server takes it. One that is not served is in the CRD all the same, so that old objects can be converted.
    pub is_served: bool,
    /// Whether it is the one that is stored.
    pub is_stored: bool,
}

const V1: ApiVersion = ApiVersion { name: "v1", is_served: true, is_stored: true };
/// Served last before 0.17.0.
const V1BETA1: ApiVersion = ApiVersion { name: "v1beta1", is_served: false, is_stored: false };
const V1ALPHA1: ApiVersion = ApiVersion { name: "v1alpha1", is_served: true, is_stored: true };

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::ExternalSecret,
        Self::ClusterExternalSecret,
        Self::SecretStore,
        Self::ClusterSecretStore,
        Self::PushSecret,
        Self::ClusterPushSecret,
    ];

    /// The kind of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ExternalSecret => "ExternalSecret",
            Self::ClusterExternalSecret => "ClusterExternalSecret",
            Self::SecretStore => "SecretStore",
            Self::ClusterSecretStore => "ClusterSecretStore",
            Self::PushSecret => "PushSecret",
            Self::ClusterPushSecret => "ClusterPushSecret",
        }
    }

    /// Whether its objects live in a namespace.
    #[must_use]
    pub const fn is_namespaced(self) -> bool {
        matches!(self, Self::ExternalSecret | Self::SecretStore | Self::PushSecret)
    }

    /// Its API versions, the served one first.
    #[must_use]
    pub const fn api_versions(self) -> &'static [ApiVersion] {
        match self {
            Self::PushSecret | Self::ClusterPushSecret => &[V1ALPHA1],
            _ => &[V1, V1BETA1],
        }
    }

    /// The API version that is served, as in `external-secrets.io/v1`.
    #[must_use]
    pub const fn served(self) -> &'static str {
        match self {
            Self::PushSecret | Self::ClusterPushSecret => "external-secrets.io/v1alpha1",
            _ => "external-secrets.io/v1",
        }
    }

    /// The fields of its served version: `spec`, and what is below.
    #[must_use]
    pub const fn shape(self) -> &'static Shape {
        match self {
            Self::ExternalSecret => &external_secret::EXTERNAL_SECRET,
            Self::ClusterExternalSecret => &external_secret::CLUSTER_EXTERNAL_SECRET,
            Self::SecretStore | Self::ClusterSecretStore => &store::STORE,
            Self::PushSecret => &push_secret::PUSH_SECRET,
            Self::ClusterPushSecret => &push_secret::CLUSTER_PUSH_SECRET,
        }
    }

    /// A field by its way from the top, as in `spec.data.remoteRef.key`; lists have no step of their own.
    #[must_use]
    pub fn field(self, release: Release, path: &str) -> Option<&'static Field> {
        let mut steps = path.split('.');
        let mut field = self.shape().field(release, steps.next()?)?;
        for step in steps {
            field = field.content.shape()?.field(release, step)?;
        }
        Some(field)
    }
}

/// An object: its fields, and rules about several of them.
#[derive(Debug)]
pub struct Shape {
    /// Its fields; several of one name where their releases do not overlap.
    pub fields: &'static [Field],
    /// Rules, each with the first release that has it.
    pub rules: &'static [(Release, Rule)],
}

impl Shape {
    /// The field of that name that the release has.
    #[must_use]
    pub fn field(&self, release: Release, name: &str) -> Option<&Field> {
        self.fields_of(release).find(|field| field.name == name)
    }

    /// All fields that the release has.
    pub fn fields_of(&self, release: Release) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(move |field| field.is_in(release))
    }

    /// The rules that the release has.
    pub fn rules_of(&self, release: Release) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |(since, _)| *since <= release).map(|(_, rule)| rule)
    }
}

/// A field of an object.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What belongs there.
    pub content: Content,
    /// Whether an object without it is refused (before defaults are filled in).
    pub is_required: bool,
    /// What the API server fills in where it is left out.
    pub default: Option<Default>,
    /// What the controller takes where it is left out and the API server fills in nothing; seen in its source, not in a CRD.
    pub taken_as: Option<&'static str>,
    /// The first release that has this row.
    pub since: Release,
    /// The first release that has it no more.
    pub until: Option<Release>,
}

/// What the API server fills in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// A text.
    Text(&'static str),
    /// An object with these texts.
    Object(&'static [(&'static str, &'static str)]),
}

/// What belongs into a field.
#[derive(Clone, Copy, Debug)]
pub enum Content {
    /// A text.
    Text(Text),
    /// `true` or `false`.
    Boolean,
    /// A whole number of so many bits, or of no stated size.
    Integer(Option<u8>),
    /// A whole number or a text.
    IntegerOrText,
    /// An object with known fields.
    Object(&'static Shape),
    /// A list of so many items or more.
    List(&'static Content, u8),
    /// A mapping of any keys to texts, but for these keys, which the controller sets itself.
    Texts(&'static [&'static str]),
    /// Anything.
    Anything,
    /// An object of fields that are not in this table: another provider's.
    Foreign,
}

impl Content {
    /// The fields below, those of a list's items included.
    #[must_use]
    pub const fn shape(&self) -> Option<&'static Shape> {
        match self {
            Self::Object(shape) | Self::List(Self::Object(shape), _) => Some(shape),
            _ => None,
        }
    }
}

/// What a text has to be.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    /// Its form.
    pub form: Form,
    /// The words that are allowed; any where there are none.
    words: &'static [&'static str],
    /// Words that came later, each with its first release.
    later: &'static [(Release, &'static str)],
}

impl Text {
    /// The words that the release allows; any text where there are none.
    pub fn words(&self, release: Release) -> impl Iterator<Item = &'static str> {
        let later = self.later.iter().filter(move |(since, _)| *since <= release).map(|(_, word)| *word);
        self.words.iter().copied().chain(later)
    }
}

impl Field {
    /// Whether the release has this row.
    #[must_use]
    pub fn is_in(&self, release: Release) -> bool {
        self.since <= release && self.until.is_none_or(|until| release < until)
    }

    /// The text that the API server fills in where the field is left out, or else that the controller takes.
    #[must_use]
    pub const fn effective(&self) -> Option<&'static str> {
        match self.default {
            Some(Default::Text(text)) => Some(text),
            _ => self.taken_as,
        }
    }

    /// The words that the release allows; any text where there are none.
    pub fn words(&self, release: Release) -> impl Iterator<Item = &'static str> {
        let text = match &self.content {
            Content::Text(text) => Some(*text),
            _ => None,
        };
        text.into_iter().flat_map(move |text| text.words(release).collect::<Vec<_>>())
    }

    const fn new(name: &'static str, content: Content) -> Self {
        let since = Release::ALL[0];
        Self { name, content, is_required: false, default: None, taken_as: None, since, until: None }
    }

    const fn required(self) -> Self {
        Self { is_required: true, ..self }
    }

    const fn or(self, default: &'static str) -> Self {
        Self { default: Some(Default::Text(default)), ..self }
    }

    const fn taken_as(self, default: &'static str) -> Self {
        Self { taken_as: Some(default), ..self }
    }

    const fn since(self, since: Release) -> Self {
        Self { since, ..self }
    }

    const fn until(self, until: Release) -> Self {
        Self { until: Some(until), ..self }
    }
}

/// A text of that form.
const fn text(name: &'static str, form: Form) -> Field {
    Field::new(name, Content::Text(Text { form, words: &[], later: &[] }))
}

/// One of these words.
const fn word(name: &'static str, words: &'static [&'static str]) -> Field {
    growing(name, words, &[])
}

/// One of these words, the second ones from a release on.
const fn growing(name: &'static str, words: &'static [&'static str], later: &'static [(Release, &'static str)]) -> Field {
    Field::new(name, Content::Text(Text { form: Form::Any, words, later }))
}

/// An object.
const fn object(name: &'static str, shape: &'static Shape) -> Field {
    Field::new(name, Content::Object(shape))
}

/// A list of any length.
const fn list(name: &'static str, items: &'static Content) -> Field {
    Field::new(name, Content::List(items, 0))
}

/// A mapping to texts.
const fn texts(name: &'static str) -> Field {
    Field::new(name, Content::Texts(&[]))
}

const fn boolean(name: &'static str) -> Field {
    Field::new(name, Content::Boolean)
}

const fn integer(name: &'static str, bits: Option<u8>) -> Field {
    Field::new(name, Content::Integer(bits))
}

/// An object without rules.
const fn fields(fields: &'static [Field]) -> Shape {
    Shape { fields, rules: &[] }
}

/// A text in a list.
const fn item(form: Form) -> Content {
    Content::Text(Text { form, words: &[], later: &[] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_with_what_its_release_says() {
        let field = |release, path| Kind::ExternalSecret.field(release, path);
        let default = |release, path| field(release, path).and_then(Field::effective);
        assert_eq!(default(Release::V0_20_4, "spec.refreshInterval"), Some("1h"));
        assert_eq!(default(Release::V1_3_2, "spec.refreshInterval"), Some("1h0m0s"));
        assert_eq!(default(Release::V1_3_2, "spec.data.remoteRef.decodingStrategy"), Some("None"));
        let newest = field(Release::V2_9_0, "spec.data.remoteRef.decodingStrategy").unwrap();
        assert_eq!((newest.default, newest.effective()), (None, Some("None")));
        assert!(field(Release::V0_20_1, "spec.target.manifest").is_none());
        assert!(field(Release::V1_3_2, "spec.target.manifest").is_some());
        let kinds = |release| field(release, "spec.data.sourceRef.generatorRef.kind").unwrap().words(release).count();
        assert_eq!((kinds(Release::V0_17_0), kinds(Release::V2_9_0)), (13, 18));
        assert!(Kind::SecretStore.field(Release::V0_17_0, "spec.provider.vault.auth.kubernetes.role").unwrap().is_required);
        assert!(Kind::PushSecret.field(Release::V0_17_0, "spec.dataTo").is_none());
    }

    fn each(shape: &'static Shape, visit: &mut impl FnMut(&'static Shape)) {
        visit(shape);
        shape.fields.iter().filter_map(|field| field.content.shape()).for_each(|below| each(below, visit));
    }

    #[test]
    fn rows_of_one_field_do_not_overlap_and_defaults_are_allowed() {
        for kind in Kind::ALL {
            each(kind.shape(), &mut |shape| {
                for release in Release::ALL {
                    for field in shape.fields_of(release) {
                        assert_eq!(
                            shape.fields_of(release).filter(|other| other.name == field.name).count(),
                            1,
                            "{}",
                            field.name
                        );
                        let mut words = field.words(release).peekable();
                        if let (Some(default), true) = (field.effective(), words.peek().is_some()) {
                            assert!(words.any(|word| word == default), "{}", field.name);
                        }
                    }
                }
            });
        }
    }
}
