//! The served snapshot: a workspace at one generation, prepared for requests. It is immutable; a
//! new generation is a new snapshot.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::index::Index;
use super::response_cache::ResponseCache;
use super::schema::ResourceType;
use super::view::{Forms, Resource, ResourceKind, View};
use crate::directory::text::folded;
use crate::directory::{Directory, Enterprises, Names, SnapshotId, Workspace};

/// What queries select from: the same id means the same users and groups with the same values, apart
/// from volatile ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListId {
    /// Which users and groups there are, with the values from Intercom.
    pub snapshot_id: SnapshotId,
    /// A hash of what the roster adds to users; 0 without the enterprise extension.
    pub additions: u64,
}

/// A workspace's users and groups as SCIM resources. Snapshots of consecutive generations share
/// what did not change, so several take little more memory than one.
#[derive(Clone, Debug)]
pub struct ServedSnapshot {
    view: View,
    responses: ResponseCache,
    /// Whether `responses` has all of them.
    is_prepared: bool,
    users_by_intercom_id: Arc<Index>,
    groups_by_intercom_id: Arc<Index>,
    /// Index by the case-folded userName, which is not caseExact (RFC 7643 §4.1.1).
    users_by_name: Arc<Index>,
    /// The same with the URLs of the second base URL, if there is one.
    second: Option<Arc<Self>>,
}

impl ServedSnapshot {
    /// Builds the served snapshot of a directory, without its catalogue. See
    /// [`Self::with_catalogue`].
    #[must_use]
    pub fn new(
        directory: Directory,
        base_url: impl Into<String>,
        names: Names,
        previous: Option<&Self>,
    ) -> Self {
        Self::with_catalogue(directory, base_url, names, Forms::default(), previous)
    }

    /// Builds the served snapshot of a directory, with its catalogue in these forms. `base_url` is
    /// the root of the workspace's SCIM service, without a trailing slash; locations and references
    /// begin with it. `previous` is an earlier snapshot with which unchanged blocks are shared.
    #[must_use]
    pub fn with_catalogue(
        directory: Directory,
        base_url: impl Into<String>,
        names: Names,
        forms: Forms,
        previous: Option<&Self>,
    ) -> Self {
        Self::of_view(View::new(directory, base_url.into(), names, forms), previous)
    }

    /// The same as [`Self::with_catalogue`], with the enterprise extension and the values of a
    /// roster.
    #[must_use]
    pub fn with_enterprise(
        directory: Directory,
        base_url: impl Into<String>,
        names: Names,
        forms: Forms,
        enterprises: &Enterprises,
        previous: Option<&Self>,
    ) -> Self {
        let view = View::new(directory, base_url.into(), names, forms);
        Self::of_view(view.with_enterprise(enterprises), previous)
    }

    fn of_view(mut view: View, previous: Option<&Self>) -> Self {
        let earlier = previous.map(|previous| (&previous.view, &previous.responses));
        let responses = ResponseCache::build(&mut view, earlier);
        let by_intercom_id = |kind| {
            let resources = view.part(kind, 0..usize::MAX);
            Arc::new(Index::build(resources.map(|resource| Cow::Borrowed(resource.intercom_id()))))
        };
        let users_by_intercom_id = by_intercom_id(ResourceKind::User);
        let groups_by_intercom_id = by_intercom_id(ResourceKind::Group);
        let users = view.part(ResourceKind::User, 0..usize::MAX);
        let users_by_name = Arc::new(Index::build(users.map(folded_name)));
        let is_prepared = true;
        Self {
            view,
            responses,
            is_prepared,
            users_by_intercom_id,
            groups_by_intercom_id,
            users_by_name,
            second: None,
        }
    }

    /// Adds the prepared responses of a second base URL. The versions of resources are the same at
    /// both. Blocks that the same snapshot of `previous` has are shared.
    #[must_use]
    pub fn with_second_base_url(
        mut self,
        base_url: impl Into<String>,
        previous: Option<&Self>,
    ) -> Self {
        let view = self.view.with_base_url(base_url.into());
        let earlier = previous.and_then(|previous| previous.second.as_deref());
        let earlier = earlier.map(|earlier| (&earlier.view, &earlier.responses));
        let responses = ResponseCache::with_given_versions(&view, earlier);
        self.second = Some(Arc::new(Self { view, responses, ..self.clone() }));
        self
    }

    /// The same snapshot with the URLs of the second base URL.
    #[must_use]
    pub fn at_second_base_url(&self) -> Option<&Arc<Self>> {
        self.second.as_ref()
    }

    /// Returns the same snapshot with another base URL for locations and references. Its responses
    /// are rendered on request.
    #[must_use]
    pub fn seen_from(&self, base_url: impl Into<String>) -> Self {
        Self {
            view: self.view.with_base_url(base_url.into()),
            responses: ResponseCache::default(),
            is_prepared: false,
            second: None,
            ..self.clone()
        }
    }

    /// Returns a copy to keep beside a newer snapshot. It keeps only the prepared responses that it
    /// shares with the newer one. The others are rendered on request.
    #[must_use]
    pub fn beside(&self, newer: &Self) -> Self {
        let responses = self.responses.shared_with(&newer.responses);
        let second = self.second.as_ref().zip(newer.second.as_ref());
        let second = second.map(|(kept, newer)| Arc::new(kept.beside(newer)));
        Self { responses, is_prepared: false, second, ..self.clone() }
    }

    /// Whether all responses without `attributes` and `excludedAttributes` are prepared.
    #[must_use]
    pub fn is_prepared(&self) -> bool {
        self.is_prepared
    }

    /// The response to a request for a resource without `attributes` and `excludedAttributes`. It
    /// is prepared by [`Self::new`], and rendered again if [`Self::seen_from`] or [`Self::beside`]
    /// did not keep it.
    #[must_use]
    pub fn response(&self, resource: Resource<'_>) -> Bytes {
        self.responses.response(resource)
    }

    /// The responses to the resources of a type at these positions, as chunks to be joined by
    /// commas.
    pub(super) fn responses(
        &self,
        kind: &ResourceType,
        places: Range<usize>,
    ) -> impl Iterator<Item = Bytes> {
        self.responses.responses(&self.view, kind.kind, places)
    }

    /// The directory that the snapshot was built from.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        self.view.directory()
    }

    /// The snapshot id.
    #[must_use]
    pub fn snapshot_id(&self) -> SnapshotId {
        self.directory().snapshot_id
    }

    /// The list that queries select from.
    #[must_use]
    pub fn list_id(&self) -> ListId {
        ListId { snapshot_id: self.snapshot_id(), additions: self.view.additions() }
    }

    /// The workspace.
    #[must_use]
    pub fn workspace(&self) -> &Workspace {
        self.view.workspace()
    }

    /// The root of the workspace's SCIM service, without a trailing slash.
    #[must_use]
    pub fn base_url(&self) -> &str {
        self.view.base_url()
    }

    /// Returns the user or group with this SCIM id. Ids are caseExact (RFC 7643 §3.1).
    #[must_use]
    pub fn by_id(&self, id: &str) -> Option<Resource<'_>> {
        if let Some(id) = id.strip_prefix(ResourceKind::User.id_prefix()) {
            let mut candidates = self.users_by_intercom_id.candidates(id);
            candidates
                .find_map(|place| self.view.user_at(place).filter(|user| user.intercom_id() == id))
        } else {
            let id = id.strip_prefix(ResourceKind::Group.id_prefix())?;
            let mut candidates = self.groups_by_intercom_id.candidates(id);
            candidates.find_map(|place| {
                self.view.group_at(place).filter(|group| group.intercom_id() == id)
            })
        }
    }

    /// Returns the resource of this type with this SCIM id.
    #[must_use]
    pub fn of_type(&self, kind: &ResourceType, id: &str) -> Option<Resource<'_>> {
        match kind.kind {
            ResourceKind::User | ResourceKind::Group => {
                self.by_id(id).filter(|resource| resource.resource_type() == kind)
            }
            kind => self.view.item_with(kind, id),
        }
    }

    /// The number of resources of a type.
    #[must_use]
    pub fn count(&self, kind: &ResourceType) -> usize {
        self.view.count(kind.kind)
    }

    /// The resources of a type, ordered by id.
    #[must_use]
    pub fn all(&self, kind: &ResourceType) -> impl ExactSizeIterator<Item = Resource<'_>> {
        self.part(kind, 0..usize::MAX)
    }

    /// The resources of a type at these positions, ordered by id. Positions beyond the end are
    /// ignored.
    #[must_use]
    pub fn part(
        &self,
        kind: &ResourceType,
        places: Range<usize>,
    ) -> impl ExactSizeIterator<Item = Resource<'_>> {
        self.view.part(kind.kind, places)
    }

    /// The users with this userName, in any case and any Unicode normalisation form.
    ///
    /// NB: a teammate who was removed and invited again has two accounts with one userName, which
    /// RFC 7643 §4.1.1 requires to be unique. Both are kept, since clients know them by id. A
    /// search by name returns the active one first.
    #[must_use]
    pub fn users_named(&self, user_name: &str) -> Vec<Resource<'_>> {
        let wanted = folded(user_name);
        let candidates = self.users_by_name.candidates(&wanted);
        let users = candidates.filter_map(|place| self.view.user_at(place));
        let mut namesakes: Vec<_> = users.filter(|user| folded_name(*user) == wanted).collect();
        namesakes.sort_by_key(|user| (!user.is_active(), user.place()));
        namesakes
    }
}

/// The key of the index by userName.
fn folded_name(user: Resource<'_>) -> Cow<'_, str> {
    match user.name() {
        Cow::Borrowed(name) => folded(name),
        Cow::Owned(name) => folded(&name).into_owned().into(),
    }
}
