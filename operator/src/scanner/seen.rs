//! What was seen of each kind that is watched.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use govcloud_crds::finding::{observed::Observed, part::Part};

/// Group and plural resource name.
pub type Kind = (String, String);
/// Namespace and name.
pub type Name = (String, String);

/// How long a first look may take before the others go on without it.
const PATIENCE: Duration = Duration::from_secs(30);

/// How far the watch of a kind is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has not seen everything yet.
    Pending,
    /// It has seen everything.
    Filled,
    /// It sees nothing new, because of this.
    Failing(String),
}

/// What is kept of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// What takes capacity.
    Object(Box<Observed>),
    /// A revision of a Helm release, whose name says all that is known.
    Release,
}

/// All that is kept of an object.
#[derive(Debug, Default)]
pub struct Kept {
    /// What findings are made from.
    pub item: Option<Item>,
    /// What tells whose use it is.
    pub part: Option<Part>,
}

/// What an event of a watch says.
#[derive(Debug)]
pub enum News {
    /// A look at everything begins.
    Begins,
    /// An object of that look.
    Lists(Name, Kept),
    /// The look at everything ended.
    Ends,
    /// An object came, or is another than before.
    Is(Name, Kept),
    /// An object went.
    Gone(Name),
    /// The watch does not work.
    Fails(String),
}

#[derive(Debug)]
struct OfKind {
    watch: u64,
    since: Instant,
    /// Whether it ever saw everything.
    filled: bool,
    standing: Standing,
    items: HashMap<Name, Item>,
    /// What the look that is under way found.
    coming: HashMap<Name, Item>,
    parts: HashMap<Name, Part>,
    coming_parts: HashMap<Name, Part>,
}

impl OfKind {
    fn has_part(&mut self, name: &Name, part: Option<Part>) {
        match part {
            Some(part) => drop(self.parts.insert(name.clone(), part)),
            None => drop(self.parts.remove(name)),
        }
    }

    /// Whether that is something else than before.
    fn has_item(&mut self, name: Name, item: Option<Item>) -> bool {
        match item {
            Some(item) if self.items.get(&name) == Some(&item) => false,
            Some(item) => {
                self.items.insert(name, item);
                true
            }
            None => self.items.remove(&name).is_some(),
        }
    }
}

/// What was seen of each kind that is watched.
#[derive(Debug, Default)]
pub struct Seen {
    kinds: BTreeMap<Kind, OfKind>,
    watches: u64,
    known: bool,
}

impl Seen {
    /// Begins a watch of a kind, in place of one that there may be; its number. What the one before saw stays until this one
    /// has seen everything.
    pub fn begin(&mut self, kind: Kind) -> u64 {
        self.watches += 1;
        let items = self.kinds.remove(&kind).map(|of| of.items).unwrap_or_default();
        let new = OfKind {
            watch: self.watches,
            since: Instant::now(),
            filled: false,
            standing: Standing::Pending,
            items,
            coming: HashMap::new(),
            parts: HashMap::new(),
            coming_parts: HashMap::new(),
        };
        self.kinds.insert(kind, new);
        self.watches
    }

    /// Forgets a kind that is watched no more.
    pub fn end(&mut self, kind: &Kind) {
        self.kinds.remove(kind);
    }

    /// Takes what a watch says; whether anything is different now that findings are made from. A watch that was replaced has
    /// nothing to say.
    pub fn take(&mut self, kind: &Kind, watch: u64, news: News) -> bool {
        let Some(of) = self.kinds.get_mut(kind).filter(|of| of.watch == watch) else { return false };
        match news {
            News::Begins => {
                (of.coming, of.coming_parts) = (HashMap::new(), HashMap::new());
                false
            }
            News::Lists(name, kept) => {
                of.coming_parts.extend(kept.part.map(|part| (name.clone(), part)));
                of.coming.extend(kept.item.map(|item| (name, item)));
                false
            }
            News::Ends => {
                of.parts = std::mem::take(&mut of.coming_parts);
                let coming = std::mem::take(&mut of.coming);
                let is_other = of.standing != Standing::Filled || of.items != coming;
                (of.items, of.standing, of.filled) = (coming, Standing::Filled, true);
                of.items.shrink_to_fit();
                of.parts.shrink_to_fit();
                is_other
            }
            News::Is(name, kept) => {
                of.has_part(&name, kept.part);
                of.has_item(name, kept.item)
            }
            News::Gone(name) => {
                of.parts.remove(&name);
                of.items.remove(&name).is_some()
            }
            News::Fails(why) => {
                let is_other = !matches!(of.standing, Standing::Failing(_));
                of.standing = Standing::Failing(why);
                is_other
            }
        }
    }

    /// How far the watch of a kind is.
    pub fn standing(&self, kind: &Kind) -> Option<Standing> {
        self.kinds.get(kind).map(|of| of.standing.clone())
    }

    /// Every kind that is to be watched is.
    pub fn complete(&mut self) {
        self.known = true;
    }

    /// Whether it is known what is to be watched.
    pub fn is_known(&self) -> bool {
        self.known
    }

    /// Whether a first look is still under way that is worth waiting for. One that fails is tried again: the right to it may be
    /// a moment away.
    pub fn is_waiting(&self) -> bool {
        !self.known || self.kinds.values().any(|of| !of.filled && of.since.elapsed() < PATIENCE)
    }

    /// The kinds of which not everything is known.
    pub fn undecided(&self) -> Vec<Kind> {
        self.kinds.iter().filter(|(_, of)| of.standing != Standing::Filled).map(|(kind, _)| kind.clone()).collect()
    }

    /// Every object that is kept.
    pub fn objects(&self) -> impl Iterator<Item = &Observed> {
        self.kinds.values().flat_map(|of| of.items.values()).filter_map(|item| match item {
            Item::Object(object) => Some(&**object),
            Item::Release => None,
        })
    }

    /// Every pod and what stands between pods and their owners, where that is kept.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.kinds.values().flat_map(|of| of.parts.values())
    }

    /// Namespace and name of every Secret that keeps a Helm release.
    pub fn releases(&self) -> impl Iterator<Item = &Name> {
        self.kinds.values().flat_map(|of| &of.items).filter(|(_, item)| **item == Item::Release).map(|(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind() -> Kind {
        (String::new(), "secrets".to_owned())
    }

    fn name(name: &str) -> Name {
        ("t--a".to_owned(), name.to_owned())
    }

    fn a_release() -> Kept {
        Kept { item: Some(Item::Release), part: None }
    }

    fn names(seen: &Seen) -> Vec<String> {
        let mut names: Vec<_> = seen.releases().map(|(_, name)| name.clone()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_look_at_everything_replaces_what_was_known_and_quiet_events_say_nothing() {
        let mut seen = Seen::default();
        assert!(seen.is_waiting(), "nothing is known yet");
        let watch = seen.begin(kind());
        seen.complete();
        assert!(seen.is_waiting() && seen.undecided() == [kind()]);
        let is = |n: &str| News::Is(name(n), a_release());
        for news in [News::Begins, News::Lists(name("a"), a_release()), News::Lists(name("b"), Kept::default())] {
            assert!(!seen.take(&kind(), watch, news));
        }
        assert!(seen.take(&kind(), watch, News::Ends));
        assert!(!seen.is_waiting() && seen.undecided().is_empty());
        assert!(!seen.take(&kind(), watch, is("a")), "it is as it was");
        assert!(seen.take(&kind(), watch, is("c")));
        assert_eq!(names(&seen), ["a", "c"]);
        seen.take(&kind(), watch, News::Begins);
        seen.take(&kind(), watch, News::Lists(name("c"), a_release()));
        assert_eq!(names(&seen), ["a", "c"], "until it ends, what was known holds");
        assert!(seen.take(&kind(), watch, News::Ends));
        assert_eq!(names(&seen), ["c"]);
        assert!(seen.take(&kind(), watch, News::Gone(name("c"))));
        assert!(!seen.take(&kind(), watch, News::Gone(name("c"))));
    }

    #[test]
    fn a_watch_that_was_replaced_has_nothing_to_say() {
        let mut seen = Seen::default();
        let (first, second) = (seen.begin(kind()), seen.begin(kind()));
        assert!(!seen.take(&kind(), first, News::Is(name("a"), a_release())));
        assert!(seen.take(&kind(), second, News::Is(name("a"), a_release())));
        seen.end(&kind());
        assert!(!seen.take(&kind(), second, News::Ends));
        assert_eq!(seen.standing(&kind()), None);
    }

    #[test]
    fn a_watch_that_fails_leaves_what_it_saw_and_says_so_once() {
        let mut seen = Seen::default();
        let watch = seen.begin(kind());
        seen.complete();
        assert!(seen.take(&kind(), watch, News::Fails("not yet allowed".into())));
        assert!(seen.is_waiting(), "it may be in a moment");
        seen.take(&kind(), watch, News::Lists(name("a"), a_release()));
        seen.take(&kind(), watch, News::Ends);
        assert!(seen.take(&kind(), watch, News::Fails("forbidden".into())));
        assert!(!seen.take(&kind(), watch, News::Fails("forbidden again".into())));
        assert!(!seen.is_waiting() && seen.undecided() == [kind()]);
        assert_eq!(names(&seen), ["a"]);
    }

    #[test]
    fn a_pod_that_only_tells_whose_use_it_is_asks_for_no_pass() {
        let mut seen = Seen::default();
        let watch = seen.begin(kind());
        seen.take(&kind(), watch, News::Ends);
        let part = || Part {
            namespace: "t--a".to_owned(),
            name: "p".to_owned(),
            uid: "u".to_owned(),
            owner: None,
            cluster: None,
            pod: None,
        };
        let is = |part| News::Is(name("p"), Kept { item: None, part });
        assert!(!seen.take(&kind(), watch, is(Some(part()))));
        assert_eq!(seen.parts().count(), 1);
        assert!(!seen.take(&kind(), watch, is(None)));
        assert_eq!(seen.parts().count(), 0);
        seen.take(&kind(), watch, is(Some(part())));
        assert!(!seen.take(&kind(), watch, News::Gone(name("p"))));
        assert_eq!(seen.parts().count(), 0);
    }
}
