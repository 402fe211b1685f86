//! Values of flags.

use std::time::Duration;

use govcloud_crds::{
    Quantity, Resources,
    common::{Classification, Interface, Period},
    permit::{Alternative, Target},
};

/// `kafka`, `kafka=3.7`, `kafka=>=3.7` or `kafka>=3.7`.
pub fn interface(text: &str) -> Result<Interface, String> {
    let end = text.find(['=', '>', '<', '~', '^', ' ']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() {
        return Err("write the protocol's name, and a version if it matters: kafka, or kafka=>=3.7".into());
    }
    let version = rest.strip_prefix('=').unwrap_or(rest).trim();
    Ok(Interface { name: name.to_owned(), version: version.to_owned() })
}

/// `Public`, `Internal`, `Restricted` or `Secret`, in upper or lower case.
pub fn classification(text: &str) -> Result<Classification, String> {
    let all = [Classification::Public, Classification::Internal, Classification::Restricted, Classification::Secret];
    let found = all.into_iter().find(|c| c.to_string().eq_ignore_ascii_case(text));
    found.ok_or_else(|| "it is one of Public, Internal, Restricted, Secret".into())
}

/// `requests.cpu=20`.
pub fn amount(text: &str) -> Result<(String, Quantity), String> {
    let (key, amount) =
        text.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or("write KEY=QUANTITY, such as requests.cpu=20")?;
    Ok((key.to_owned(), amount.parse().map_err(|e: govcloud_crds::quantity::ParseQuantityError| e.to_string())?))
}

/// `group/resource/name=REPLICAS[,dimension=quantity]...`, where the core group is written `core`.
pub fn target(text: &str) -> Result<Target, String> {
    const FORM: &str = "write GROUP/RESOURCE/NAME=REPLICAS[,DIMENSION=QUANTITY]..., such as kafka.strimzi.io/kafkanodepools/broker=3,brokers=1,storage=1Ti";
    let (object, size) = text.split_once('=').ok_or(FORM)?;
    let parts: Vec<_> = object.split('/').collect();
    let [group, resource, name] = parts.as_slice() else { return Err(FORM.into()) };
    if resource.is_empty() || name.is_empty() {
        return Err(FORM.into());
    }
    let (replicas, per_replica) = size_of(size, FORM)?;
    let group = if *group == "core" { "" } else { group };
    Ok(Target { group: group.to_owned(), resource: (*resource).to_owned(), name: (*name).to_owned(), replicas, per_replica })
}

/// An object of a permit by its name alone, with another size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedSize {
    /// The object's name.
    pub name: String,
    /// So many replicas.
    pub replicas: i32,
    /// So much per replica.
    pub per_replica: Resources,
}

/// `broker=4`, or `broker=4,storage=2Ti`.
pub fn named_size(text: &str) -> Result<NamedSize, String> {
    const FORM: &str = "write NAME=REPLICAS[,DIMENSION=QUANTITY]..., such as broker=4 or broker=4,storage=2Ti";
    let (name, size) = text.split_once('=').ok_or(FORM)?;
    if name.is_empty() || name.contains('/') {
        return Err(format!("{FORM}; with group and resource: --target"));
    }
    let (replicas, per_replica) = size_of(size, FORM)?;
    Ok(NamedSize { name: name.to_owned(), replicas, per_replica })
}

/// `3,brokers=1,storage=1Ti`.
fn size_of(text: &str, form: &str) -> Result<(i32, Resources), String> {
    let mut parts = text.split(',');
    let replicas = parts.next().unwrap_or_default();
    let replicas =
        replicas.parse().ok().filter(|r| *r > 0).ok_or_else(|| format!("{replicas:?} is no number of replicas; {form}"))?;
    Ok((replicas, parts.map(amount).collect::<Result<_, _>>()?))
}

/// `national-streaming=No plan reaches 40 000 events a second.`
pub fn alternative(text: &str) -> Result<Alternative, String> {
    let (service, why) = text.split_once('=').ok_or("write SERVICE=WHY, such as national-streaming='too slow for us'")?;
    if service.is_empty() || why.trim().is_empty() {
        return Err("say which service, and why it does not do: SERVICE=WHY".into());
    }
    Ok(Alternative { shared_service: service.to_owned(), rejected_because: why.trim().to_owned() })
}

/// Hours, minutes and seconds, such as `8760h` or `1h30m`; days are taken too, such as `365d`.
pub fn period(text: &str) -> Result<Period, String> {
    const FORM: &str = "write hours, minutes and seconds, such as 8760h or 1h30m; or days, such as 365d";
    if let Some(days) = text.strip_suffix('d') {
        let hours = days.parse::<u32>().ok().and_then(|days| days.checked_mul(24)).filter(|h| *h > 0 && *h <= 999_999);
        return hours.map(Period::hours).ok_or_else(|| FORM.into());
    }
    let period = Period::from(text);
    if period.duration().is_zero() || !text.chars().all(|c| c.is_ascii_digit() || "hms".contains(c)) {
        return Err(FORM.into());
    }
    Ok(period)
}

/// A length of time to wait, such as `90s` or `10m`.
pub fn wait(text: &str) -> Result<Duration, String> {
    let period = period(text)?;
    period.duration().try_into().map_err(|_| "this is no length of time".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("kafka", "kafka", "")]
    #[case("kafka=3.7", "kafka", "3.7")]
    #[case("kafka=>=3.7", "kafka", ">=3.7")]
    #[case("kafka>=3.7", "kafka", ">=3.7")]
    #[case("postgresql ^16", "postgresql", "^16")]
    fn interfaces(#[case] text: &str, #[case] name: &str, #[case] version: &str) {
        assert_eq!(interface(text), Ok(Interface { name: name.into(), version: version.into() }));
    }

    #[test]
    fn targets() {
        let read = target("kafka.strimzi.io/kafkanodepools/broker=3,brokers=1,storage=1Ti").expect("reads");
        assert_eq!((read.group.as_str(), read.name.as_str(), read.replicas), ("kafka.strimzi.io", "broker", 3));
        assert_eq!(read.total().to_string(), "3 brokers, 3Ti storage");
        assert_eq!(target("core/pods/x=1").expect("reads").group, "");
    }

    #[rstest]
    #[case("a/b=1")]
    #[case("a/b/c")]
    #[case("a/b/c=")]
    #[case("a/b/c=0")]
    #[case("a/b/c=-1")]
    #[case("a/b/c=1,brokers")]
    #[case("a/b/c=1,brokers=ten")]
    #[case("a//c=1")]
    fn targets_that_cannot_be_read(#[case] text: &str) {
        assert!(target(text).is_err());
    }

    #[test]
    fn sizes_of_named_objects() {
        let read = named_size("broker=4,storage=2Ti").expect("reads");
        assert_eq!((read.name.as_str(), read.replicas, read.per_replica.to_string().as_str()), ("broker", 4, "2Ti storage"));
        assert!(named_size("broker").is_err() && named_size("=4").is_err() && named_size("broker=0").is_err());
        assert!(named_size("kafka.strimzi.io/kafkanodepools/broker=4").expect_err("a path").contains("--target"));
    }

    #[rstest]
    #[case("8760h", "8760h")]
    #[case("365d", "8760h")]
    #[case("1h30m", "1h30m")]
    fn periods(#[case] text: &str, #[case] same: &str) {
        assert_eq!(period(text), Ok(Period::from(same)));
    }

    #[rstest]
    #[case("")]
    #[case("0h")]
    #[case("a year")]
    #[case("-5h")]
    #[case("P1Y")]
    #[case("99999999d")]
    fn no_periods(#[case] text: &str) {
        assert!(period(text).is_err());
    }

    #[test]
    fn other_values() {
        assert_eq!(classification("restricted"), Ok(Classification::Restricted));
        assert!(classification("top").is_err());
        assert!(alternative("x").is_err() && alternative("x= ").is_err() && alternative("x=slow").is_ok());
        assert!(amount("=1").is_err() && amount("requests.cpu=20").is_ok());
        assert_eq!(wait("90s"), Ok(Duration::from_secs(90)));
    }
}
