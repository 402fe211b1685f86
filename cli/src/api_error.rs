//! Errors of the API server, said in the words of this domain.

use kube::core::Status;

use crate::error::{CliError, Kind};

impl From<kube::Error> for CliError {
    fn from(error: kube::Error) -> Self {
        let said = match &error {
            kube::Error::Api(status) => return from_status(status),
            kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_) => {
                Self::new(Kind::Unreachable, format!("cannot reach the cluster: {}", innermost(&error)))
            }
            kube::Error::Auth(_) => Self::new(Kind::Forbidden, format!("cannot log in: {}", innermost(&error)))
                .hint("Renew your credentials, or choose another context: --context NAME"),
            kube::Error::SerdeError(_) => Self::failure(format!("the cluster's answer cannot be read: {}", innermost(&error)))
                .hint("This govcloud and the kinds of the cluster may be of different versions; compare: govcloud --version"),
            _ => Self::failure(innermost(&error)),
        };
        said.caused_by(error)
    }
}

impl From<kube::runtime::watcher::Error> for CliError {
    fn from(error: kube::runtime::watcher::Error) -> Self {
        use kube::runtime::watcher::Error;
        match error {
            Error::InitialListFailed(error) | Error::WatchStartFailed(error) | Error::WatchFailed(error) => error.into(),
            Error::WatchError(status) => from_status(&status),
            Error::NoResourceVersion => Self::failure("this cannot be watched here: the server sends no resource version"),
        }
    }
}

/// The last error of the chain: the one that says what the machine could not do.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// A failure that the API server reports.
pub fn from_status(status: &Status) -> CliError {
    if status.code == 401 {
        return CliError::new(Kind::Forbidden, "the cluster does not know you (401 Unauthorized)")
            .hint("Renew your credentials, or choose another context: --context NAME");
    }
    if let Some(said) = admission_message(&status.message) {
        let kind = if status.is_invalid() { Kind::Usage } else { Kind::Forbidden };
        return CliError::new(kind, said);
    }
    match status {
        s if s.is_forbidden() => forbidden(&s.message),
        s if s.is_not_found() => not_found(s),
        s if s.is_already_exists() => {
            CliError::new(Kind::AlreadyExists, s.message.clone()).hint("Choose another name, or look at the one that is there")
        }
        s if s.is_conflict() => CliError::failure(s.message.clone())
            .hint("Somebody changed it at the same time; look at it again, then repeat the command"),
        s if s.is_invalid() => invalid(s),
        s if matches!(s.code, 429 | 503 | 504) => {
            CliError::new(Kind::Unreachable, format!("the API server is busy: {}", s.message)).hint("Try again in a moment")
        }
        s => CliError::failure(s.message.clone()),
    }
}

/// What an admission policy says, without the names of policy and binding.
fn admission_message(message: &str) -> Option<&str> {
    let policy = message.find("ValidatingAdmissionPolicy '")?;
    let (_, said) = message[policy..].split_once("denied request: ")?;
    Some(said.trim())
}

fn forbidden(message: &str) -> CliError {
    let Some(right) = Right::named_in(message) else {
        return CliError::new(Kind::Forbidden, message.to_owned()).hint("See who you are here: govcloud whoami");
    };
    let place = if right.namespace.is_empty() { String::new() } else { format!(" in {}", right.namespace) };
    CliError::new(Kind::Forbidden, format!("you may not {} {}{place}", right.verb, right.resource))
        .hint(right.who())
        .hint(format!("The API server says: {message}"))
}

/// A right that RBAC found missing.
#[derive(Debug, PartialEq, Eq)]
struct Right<'a> {
    verb: &'a str,
    resource: &'a str,
    namespace: &'a str,
}

impl<'a> Right<'a> {
    /// Reads `User "u" cannot get resource "r" in API group "g" in the namespace "n"`.
    fn named_in(message: &'a str) -> Option<Self> {
        let (_, rest) = message.split_once(" cannot ")?;
        let (verb, rest) = rest.split_once(" resource \"")?;
        let (resource, rest) = rest.split_once('"')?;
        let namespace = rest.split_once("in the namespace \"").and_then(|(_, n)| n.split('"').next()).unwrap_or_default();
        Some(Self { verb, resource, namespace })
    }

    /// Who has the right, and so who can help.
    fn who(&self) -> &'static str {
        let writes = matches!(self.verb, "create" | "update" | "patch" | "delete");
        match self.resource {
            "agencies" | "agencyquotas" if self.verb == "list" => {
                "Only cloud operators and the ministry see all agencies; name yours: --agency NAME"
            }
            "agencies" | "agencyquotas" => "An agency is seen by its own members; ask its admins or your cloud operator",
            "processingpermits" if writes => {
                "Permits are requested by an agency's admins and requesters; ask one of them. Whose agency you act for: --agency NAME"
            }
            "permitreviews" if writes => {
                "Permits are reviewed by the ministry and the security authorities; an agency's members never review"
            }
            "projects" if writes => {
                "Projects are created by an agency's admins; ask one of them. Whose agency you act for: --agency NAME"
            }
            "serviceclaims" if writes => {
                "Services are claimed by an agency's admins; ask one of them. Whose agency you act for: --agency NAME"
            }
            "sharedservices" if writes => {
                "Cloud operators write the catalogue; an agency's admins draft what it provides: govcloud service draft"
            }
            "users" | "groups" if self.verb == "impersonate" => {
                "Acting as somebody else (--as, --as-group) is for cloud operators"
            }
            _ if self.namespace.is_empty() => {
                "Only cloud operators and the ministry see all agencies' objects; look at your own: --agency NAME"
            }
            _ => {
                "Members of the agency, cloud operators and the ministry may; ask your agency's admins. Who you are here: govcloud whoami"
            }
        }
    }
}

fn not_found(status: &Status) -> CliError {
    let Some(details) = status.details.as_ref().filter(|d| !d.name.is_empty()) else {
        return CliError::new(Kind::NotFound, "this cluster has no Government Cloud: its kinds are not served")
            .hint("Choose another cluster: --context NAME. Or try one on this machine: govcloud sandbox up");
    };
    let (what, list) = match details.kind.as_str() {
        "processingpermits" => ("permit", "govcloud permit list"),
        "agencies" => ("agency", "govcloud agency list"),
        "agencyquotas" => ("quota", "kubectl get agencyquotas"),
        "projects" => ("project", "govcloud project list"),
        "sharedservices" => ("shared service", "govcloud service list"),
        "serviceclaims" => ("claim", "govcloud service claims"),
        "processingclasses" => ("processing class", "kubectl get processingclasses"),
        "namespaces" => ("namespace", "govcloud project list"),
        other => (other, "govcloud --help"),
    };
    CliError::new(Kind::NotFound, format!("there is no {what} {}", details.name)).hint(format!("See what there is: {list}"))
}

/// One line per field that the schema refuses.
fn invalid(status: &Status) -> CliError {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let lines: Vec<_> = causes
        .map(|cause| {
            let said = without_value(&cause.message);
            let said = said.strip_prefix(&format!("{} in body ", cause.field)).unwrap_or(said);
            if cause.field.is_empty() || cause.field == "<nil>" { said.to_owned() } else { format!("{}: {said}", cause.field) }
        })
        .collect();
    if lines.is_empty() {
        return CliError::new(Kind::Usage, status.message.clone());
    }
    let name = status.details.as_ref().map(|d| d.name.as_str()).filter(|name| !name.is_empty()).unwrap_or("this");
    CliError::new(Kind::Usage, format!("{name} is not valid\n{}", lines.join("\n")))
}

/// What is wrong, without `Invalid value: "…": ` before it; the user knows what they wrote.
fn without_value(message: &str) -> &str {
    let Some(rest) = message.strip_prefix("Invalid value: ") else { return message };
    let end = if rest.starts_with('"') { rest.find("\": ").map(|i| i + 3) } else { rest.find(": ").map(|i| i + 2) };
    end.map_or(rest, |end| &rest[end..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::response::{StatusCause, StatusDetails};
    use rstest::rstest;

    fn status(code: u16, reason: &str, message: &str, details: Option<StatusDetails>) -> Status {
        let status = Status::failure(message, reason).with_code(code);
        details.map_or(status.clone(), |d| status.with_details(d))
    }

    fn details(kind: &str, name: &str, causes: Vec<StatusCause>) -> StatusDetails {
        let (kind, name) = (kind.to_owned(), name.to_owned());
        StatusDetails { name, group: "govcloud.dev".into(), kind, uid: String::new(), causes, retry_after_seconds: 0 }
    }

    fn cause(field: &str, message: &str) -> StatusCause {
        StatusCause { reason: "FieldValueInvalid".into(), message: message.into(), field: field.into() }
    }

    #[rstest]
    #[case::rbac("rbac", status(403, "Forbidden", r#"processingpermits.govcloud.dev is forbidden: User "dev@tax" cannot create resource "processingpermits" in API group "govcloud.dev" in the namespace "agency-tax""#, None))]
    #[case::rbac_list("rbac_list", status(403, "Forbidden", r#"agencies.govcloud.dev is forbidden: User "dev@tax" cannot list resource "agencies" in API group "govcloud.dev" at the cluster scope"#, None))]
    #[case::policy(
        "policy",
        status(
            403,
            "Forbidden",
            "permitreviews.govcloud.dev \"x\" is forbidden: ValidatingAdmissionPolicy 'govcloud-reviews' with binding 'govcloud-reviews' denied request: nobody reviews a request of their own agency; ask the ministry.\nSee: govcloud permit show x",
            None
        )
    )]
    #[case::not_found("not_found", status(404, "NotFound", "processingpermits.govcloud.dev \"x\" not found", Some(details("processingpermits", "x", vec![]))))]
    #[case::not_served("not_served", status(404, "NotFound", "404 page not found", None))]
    #[case::invalid("invalid", status(422, "Invalid", "ProcessingPermit.govcloud.dev \"x\" is invalid: [...]", Some(details("ProcessingPermit", "x", vec![
        cause("spec.justification", "Invalid value: \"short\": spec.justification in body should be at least 10 chars long"),
        cause("spec", "Invalid value: a renewal needs prior")]))))]
    #[case::unauthorized("unauthorized", status(401, "Unauthorized", "Unauthorized", None))]
    #[case::busy("busy", status(429, "TooManyRequests", "please wait", None))]
    fn each_failure_says_what_to_do(#[case] name: &str, #[case] status: Status) {
        let error = from_status(&status);
        insta::assert_snapshot!(format!("api_error_{name}"), format!("{:?}\n{}", error.kind().exit(), error.render(false)));
    }

    #[test]
    fn a_cluster_that_is_not_there_is_unreachable() {
        let refused = std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "connection refused");
        let error = CliError::from(kube::Error::Service(Box::new(refused)));
        assert_eq!(error.kind(), Kind::Unreachable);
        assert_eq!(error.to_string(), "cannot reach the cluster: connection refused");
    }
}
