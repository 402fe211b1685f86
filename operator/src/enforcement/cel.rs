//! Small pieces of CEL text.

/// A CEL string literal.
pub fn literal(text: &str) -> String {
    let escaped = text.replace('\\', r"\\").replace('\'', r"\'").replace('\n', r"\n");
    format!("'{escaped}'")
}

/// A CEL list of string literals.
pub fn list<S: AsRef<str>>(items: impl IntoIterator<Item = S>) -> String {
    let items: Vec<_> = items.into_iter().map(|item| literal(item.as_ref())).collect();
    format!("[{}]", items.join(", "))
}

/// CEL of a message: what `subject` gives, followed by words.
pub fn sentence(subject: &str, words: &str) -> String {
    format!("{subject} + {}", literal(words))
}

/// `expression`, which is written over `object`, read over `oldObject` instead.
///
/// The comprehension gives the old object the name `object`, so the text of a class is used as it stands; replacing words
/// in it would also hit `object` inside a string or a field's name.
///
/// The line break keeps a comment at the end of the text from swallowing the rest.
pub fn of_old(expression: &str) -> String {
    format!("[oldObject].map(object, {expression}\n)[0]")
}

/// `expression` as a quantity, whether it gives an integer or a quantity.
pub fn as_quantity(expression: &str) -> String {
    format!("[dyn({expression}\n)].map(v, type(v) == int ? dyn(quantity(string(v))) : v)[0]")
}

/// Whether `object` and `oldObject` have the same spec: then nothing grew, whatever else changed.
pub const SAME_SPEC: &str =
    "(has(object.spec) ? dyn(object.spec) : dyn(null)) == (has(oldObject.spec) ? dyn(oldObject.spec) : dyn(null))";

/// Whether `object` has a controlling owner.
pub const HAS_CONTROLLER: &str =
    "has(object.metadata.ownerReferences) && object.metadata.ownerReferences.exists(o, has(o.controller) && o.controller)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_escaped() {
        assert_eq!(literal(r"a\b'c"), r"'a\\b\'c'");
        assert_eq!(list(["x", "y'"]), r"['x', 'y\'']");
        assert_eq!(list::<&str>([]), "[]");
    }
}
