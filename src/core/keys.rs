//! What the PEM texts of a config hold: public keys (RSA or ECDSA, bare or in certificates), and certificates of CAs.

use x509_parser::der_parser::oid::Oid;
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_NIST_EC_P521, OID_PKCS1_RSAENCRYPTION,
};
use x509_parser::prelude::{FromDer, SubjectPublicKeyInfo, X509Certificate};
use x509_parser::public_key::PublicKey as Parsed;

use super::pem::{PemError, blocks};

/// What a public key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA, for RS256 to PS512.
    Rsa,
    /// ECDSA on P-256, for ES256.
    P256,
    /// ECDSA on P-384, for ES384.
    P384,
    /// ECDSA on P-521, for ES512.
    P521,
    /// Ed25519, for EdDSA; published keys only, `pem_keys` have none.
    Ed25519,
}

/// A public key that may have signed a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// RSA, or ECDSA with its curve.
    pub kind: KeyKind,
    /// The whole SubjectPublicKeyInfo in DER (RFC 5280 section 4.1.2.7).
    pub spki: Vec<u8>,
    /// Its bit string alone: an `RSAPublicKey` in DER (RFC 8017), or an uncompressed point (SEC 1).
    pub key: Vec<u8>,
}

/// An item of `pem_keys` without a key, or with a block that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("data does not contain any valid RSA or ECDSA public keys")]
pub struct KeyError;

/// Reads one item of `pem_keys`: PEM blocks, each a public key or a certificate. At least one.
///
/// # Errors
/// Where there is no block, the PEM is broken, or any block is not an RSA or ECDSA public key or a certificate of one.
pub fn parse_pem_keys(text: &str) -> Result<Vec<PublicKey>, KeyError> {
    let keys: Vec<PublicKey> = blocks(text.as_bytes())
        .map_err(|_| KeyError)?
        .iter()
        .map(|block| public_key(&block.decode()?))
        .collect::<Option<_>>()
        .ok_or(KeyError)?;
    if keys.is_empty() { Err(KeyError) } else { Ok(keys) }
}

/// The certificates of a PEM text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaBundle {
    /// Each in DER; at least one.
    pub certificates: Vec<Vec<u8>>,
    /// The labels of blocks that are no certificates and do not count, each once, sorted.
    pub ignored: Vec<String>,
}

/// A PEM text without a certificate, with a broken one, or that is no PEM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CaError {
    /// It holds no block that says that it is a certificate, or one that says so and is none.
    #[error("The provided CA PEM data contains no valid certificates")]
    NoCertificate,
    /// Its structure is broken.
    #[error("The provided CA PEM data contains no valid certificates: {0}")]
    Pem(#[from] PemError),
}

/// Reads certificates in PEM. Blocks with another label, such as a CRL or a key, are ignored and named.
///
/// # Errors
/// Where there is no certificate, or a block says that it is one and is none.
pub fn parse_ca_bundle(pem: &[u8]) -> Result<CaBundle, CaError> {
    let mut bundle = CaBundle::default();
    for block in blocks(pem)? {
        match block.label {
            // The older name is OpenSSL's.
            "CERTIFICATE" | "X509 CERTIFICATE" => {
                let der = block.decode().filter(|der| certificate(der).is_some());
                bundle.certificates.push(der.ok_or(CaError::NoCertificate)?);
            }
            other => bundle.ignored.push(other.to_owned()),
        }
    }
    bundle.ignored.sort_unstable();
    bundle.ignored.dedup();
    if bundle.certificates.is_empty() { Err(CaError::NoCertificate) } else { Ok(bundle) }
}

/// As the reference, by what the bytes are, whatever the block calls itself.
fn public_key(der: &[u8]) -> Option<PublicKey> {
    match SubjectPublicKeyInfo::from_der(der) {
        Ok(([], spki)) => of_spki(&spki),
        _ => of_spki(certificate(der)?.public_key()),
    }
}

fn certificate(der: &[u8]) -> Option<X509Certificate<'_>> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Some(certificate),
        _ => None,
    }
}

fn of_spki(spki: &SubjectPublicKeyInfo<'_>) -> Option<PublicKey> {
    let algorithm = &spki.algorithm.algorithm;
    let kind = match spki.parsed().ok()? {
        Parsed::RSA(rsa) if *algorithm == OID_PKCS1_RSAENCRYPTION && rsa.key_size() > 0 => KeyKind::Rsa,
        Parsed::EC(point) if *algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY => {
            let (kind, bytes) = curve(&spki.algorithm.parameters.as_ref()?.as_oid().ok()?)?;
            let uncompressed = point.data().first() == Some(&4) && point.data().len() == 2 * bytes + 1;
            uncompressed.then_some(kind)?
        }
        _ => return None,
    };
    Some(PublicKey { kind, spki: spki.raw.to_vec(), key: spki.subject_public_key.data.to_vec() })
}

/// The curve, and the length of a coordinate in bytes.
fn curve(name: &Oid<'_>) -> Option<(KeyKind, usize)> {
    let curves = [
        (OID_EC_P256, KeyKind::P256, 32),
        (OID_NIST_EC_P384, KeyKind::P384, 48),
        (OID_NIST_EC_P521, KeyKind::P521, 66),
    ];
    curves.into_iter().find_map(|(oid, kind, bytes)| (oid == *name).then_some((kind, bytes)))
}

#[cfg(test)]
mod tests {
    use rcgen::{KeyPair, PublicKeyData};

    use super::{CaError, KeyError, KeyKind, parse_ca_bundle, parse_pem_keys};
    use crate::core::pem::PemError;

    fn generated() -> [(KeyPair, Option<KeyKind>); 4] {
        [
            (KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap(), Some(KeyKind::P256)),
            (KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap(), Some(KeyKind::P384)),
            (KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap(), Some(KeyKind::Rsa)),
            (KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap(), None),
        ]
    }

    fn certificate(key: &KeyPair) -> String {
        rcgen::CertificateParams::new(vec!["kube".to_owned()]).unwrap().self_signed(key).unwrap().pem()
    }

    #[test]
    fn a_bare_key_and_its_certificate_give_the_same_key() {
        for (pair, kind) in generated() {
            let bare = parse_pem_keys(&pair.public_key_pem());
            assert_eq!(parse_pem_keys(&certificate(&pair)), bare);
            match kind {
                Some(kind) => {
                    let keys = bare.unwrap();
                    assert_eq!(keys[0].kind, kind);
                    assert_eq!(keys[0].spki, pair.subject_public_key_info());
                    assert_eq!(keys[0].key, pair.der_bytes());
                }
                None => assert_eq!(bare, Err(KeyError)),
            }
        }
    }

    #[test]
    fn every_block_counts_and_text_around_blocks_does_not() {
        let [(p256, _), (p384, _), _, (ed, _)] = generated();
        let both = format!("my keys\n{}\n{}\nend\n", p256.public_key_pem(), certificate(&p384));
        let kinds: Vec<_> = parse_pem_keys(&both).unwrap().into_iter().map(|key| key.kind).collect();
        assert_eq!(kinds, [KeyKind::P256, KeyKind::P384]);
        assert_eq!(parse_pem_keys(&(both + &ed.public_key_pem())), Err(KeyError));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let [(pair, _), ..] = generated();
        let truncated = pair.public_key_pem().replace("-----END PUBLIC KEY-----", "");
        let empty = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
        for text in ["", "bad", empty, &truncated, &pair.serialize_pem()] {
            assert_eq!(parse_pem_keys(text), Err(KeyError), "{text}");
        }
    }

    #[test]
    fn keys_that_run_together_are_refused() {
        let [(one, _), (two, _), ..] = generated();
        let (one, two) = (one.public_key_pem(), two.public_key_pem());
        assert_eq!(parse_pem_keys(&(one.trim_end().to_owned() + &two)), Err(KeyError));
        assert_eq!(parse_pem_keys(&(one + &two)).unwrap().len(), 2);
    }

    #[test]
    fn a_ca_bundle_is_its_certificates_and_names_what_it_ignores() {
        let [(pair, _), ..] = generated();
        let (ca, key) = (certificate(&pair), pair.serialize_pem());
        let crl = "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n";
        let encrypted =
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n!\n-----END RSA PRIVATE KEY-----\n";
        for (text, certificates, ignored) in [
            (ca.clone(), 1, &[][..]),
            (format!("# ca\n{ca}{ca}"), 2, &[]),
            (format!("{key}{ca}{crl}{crl}"), 1, &["PRIVATE KEY", "X509 CRL"]),
            (format!("{ca}{encrypted}"), 1, &["RSA PRIVATE KEY"]),
            (ca.replace("CERTIFICATE", "X509 CERTIFICATE"), 1, &[]),
        ] {
            let bundle = parse_ca_bundle(text.as_bytes()).unwrap();
            assert_eq!(
                (bundle.certificates.len(), bundle.ignored),
                (certificates, ignored.iter().map(ToString::to_string).collect()),
                "{text}"
            );
        }
        let none = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for text in ["", " ", "bad", crl, &key, &pair.public_key_pem(), &(ca.clone() + none)] {
            assert_eq!(parse_ca_bundle(text.as_bytes()), Err(CaError::NoCertificate), "{text}");
        }
        let joined = ca.trim_end().to_owned() + &ca;
        let line = ca.lines().count();
        assert_eq!(parse_ca_bundle(joined.as_bytes()), Err(CaError::Pem(PemError::Boundary(line))));
    }
}
