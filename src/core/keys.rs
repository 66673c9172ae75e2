//! The public keys of `pem_keys`: read from PEM, RSA or ECDSA, bare or in certificates.

use x509_parser::der_parser::oid::Oid;
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_NIST_EC_P521, OID_PKCS1_RSAENCRYPTION,
};
use x509_parser::pem::Pem;
use x509_parser::prelude::{FromDer, SubjectPublicKeyInfo, X509Certificate};
use x509_parser::public_key::PublicKey as Parsed;

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
/// Where there is no block, or any block is not an RSA or ECDSA public key or a certificate of one.
pub fn parse_pem_keys(text: &str) -> Result<Vec<PublicKey>, KeyError> {
    let keys: Vec<PublicKey> = Pem::iter_from_buffer(text.as_bytes())
        .map(|block| public_key(&block.map_err(|_| KeyError)?.contents).ok_or(KeyError))
        .collect::<Result<_, _>>()?;
    if keys.is_empty() { Err(KeyError) } else { Ok(keys) }
}

/// Whether the text holds certificates in PEM, at least one, and no other block.
pub fn are_pem_certificates(text: &str) -> bool {
    let mut blocks = Pem::iter_from_buffer(text.as_bytes()).peekable();
    blocks.peek().is_some()
        && blocks.all(|block| block.is_ok_and(|block| certificate(&block.contents).is_some()))
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

    use super::{KeyError, KeyKind, are_pem_certificates, parse_pem_keys};

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
    fn a_ca_is_certificates_and_nothing_else() {
        let [(pair, _), ..] = generated();
        let ca = certificate(&pair);
        assert!(are_pem_certificates(&ca) && are_pem_certificates(&format!("# ca\n{ca}{ca}")));
        for text in ["", " ", "bad", &pair.public_key_pem(), &(ca.clone() + &pair.serialize_pem())] {
            assert!(!are_pem_certificates(text), "{text}");
        }
    }
}
