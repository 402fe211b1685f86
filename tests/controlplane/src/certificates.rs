//! The instance's own certificate authority.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use crate::error::Error;
use crate::files::{read, write_private};
use crate::layout::Layout;

/// Names under which the API server is reached, from here and from inside a cluster.
const SERVER_NAMES: [&str; 6] = [
    "127.0.0.1",
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
];

/// Issues certificates; its key is kept in the instance's folder.
pub(crate) struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its private key.
pub(crate) struct Credential {
    certificate: Vec<u8>,
    key: KeyPair,
}

impl Authority {
    /// Makes the authority, and every key and certificate that does not depend on a persona.
    pub(crate) fn create(layout: &Layout) -> Result<Self, Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name = common_name("govcloud-sandbox-ca");
        write_private(&layout.pki("ca.crt"), params.self_signed(&key)?.pem())?;
        write_private(&layout.pki("ca.key"), key.serialize_pem())?;
        let authority = Self::load(layout)?;
        authority.write_server_files(layout)?;
        Ok(authority)
    }

    /// Reads the authority of an instance.
    pub(crate) fn load(layout: &Layout) -> Result<Self, Error> {
        let certificate = read(&layout.pki("ca.crt"))?;
        let key = KeyPair::from_pem(&read(&layout.pki("ca.key"))?)?;
        let issuer = Issuer::from_ca_cert_pem(&certificate, key)?;
        Ok(Self { certificate, issuer })
    }

    fn write_server_files(&self, layout: &Layout) -> Result<(), Error> {
        let mut params = CertificateParams::new(SERVER_NAMES.map(String::from))?;
        params.distinguished_name = common_name("kube-apiserver");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        write_private(&layout.pki("server.crt"), certificate.pem())?;
        write_private(&layout.pki("server.key"), key.serialize_pem())?;
        // Signs the tokens of service accounts.
        let tokens = KeyPair::generate()?;
        write_private(&layout.pki("service-accounts.key"), tokens.serialize_pem())?;
        write_private(&layout.pki("service-accounts.pub"), tokens.public_key_pem())
    }

    /// A credential that the API server takes for `user` in `groups`.
    pub(crate) fn client(&self, user: &str, groups: &[String]) -> Result<Credential, Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&key, &self.issuer)?;
        let certificate = crate::der::with_subject(certificate.der(), user, groups, self.issuer.key())?;
        Ok(Credential { certificate, key })
    }

    /// The authority's certificate, in PEM.
    pub(crate) fn certificate(&self) -> &str {
        &self.certificate
    }
}

impl Credential {
    /// The certificate in PEM.
    pub(crate) fn certificate(&self) -> String {
        let encoded = BASE64.encode(&self.certificate);
        let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
        for (index, letter) in encoded.chars().enumerate() {
            if index > 0 && index % 64 == 0 {
                pem.push('\n');
            }
            pem.push(letter);
        }
        pem + "\n-----END CERTIFICATE-----\n"
    }

    /// The private key in PEM.
    pub(crate) fn key(&self) -> String {
        self.key.serialize_pem()
    }
}

fn common_name(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}
