//! Signatures made outside this code base (Python's `cryptography`) over the strings that the
//! standards prescribe; the private key was thrown away.

pub(super) const BODY: &[u8] = br#"{"type":"Follow"}"#;
pub(super) const DIGEST: &str = "GYwYnH3BiO6aICFt0ThC5bUIJ4byvqdpWtR8m5fNkww=";
pub(super) const DATE: &str = "Sun, 22 Nov 2026 11:05:37 GMT";
/// The same instant.
pub(super) const CREATED: i64 = 1_795_345_537;

pub(super) const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr9ElLR8BGLtc7ecmlI/E
AhNYti9Zp4JEdh7S3ZHKkXgaE8fniB0aHTxv6pys/1obH7rWQz60HXsRv+9zcG49
kf1AK3LfGczpmytgbTVZaOBT5ssov/TMSZ40aPEnwUE4CsX/2dbiMaChqIuQDUhP
/7UzeHyiJiV/QkUMjTN9JLRaeE5Pd9ndohrrKvyjjz9o9bFXBMIMaICWzhI5sSZz
6ixUONExwWa5hknYQgG69Iniw0HEjrPoo2E4niBuVx9jmbH1TAiSB0B3TT1I/5le
GMs88tb2gfxvugRzPadcEPP0nDPK++X5iZaqO45S7oQc40h/78dfNaGMUgU2tQn2
5wIDAQAB
-----END PUBLIC KEY-----";

/// The same key as PKCS#1.
pub(super) const PUBLIC_KEY_PKCS1: &str = "-----BEGIN RSA PUBLIC KEY-----
MIIBCgKCAQEAr9ElLR8BGLtc7ecmlI/EAhNYti9Zp4JEdh7S3ZHKkXgaE8fniB0a
HTxv6pys/1obH7rWQz60HXsRv+9zcG49kf1AK3LfGczpmytgbTVZaOBT5ssov/TM
SZ40aPEnwUE4CsX/2dbiMaChqIuQDUhP/7UzeHyiJiV/QkUMjTN9JLRaeE5Pd9nd
ohrrKvyjjz9o9bFXBMIMaICWzhI5sSZz6ixUONExwWa5hknYQgG69Iniw0HEjrPo
o2E4niBuVx9jmbH1TAiSB0B3TT1I/5leGMs88tb2gfxvugRzPadcEPP0nDPK++X5
iZaqO45S7oQc40h/78dfNaGMUgU2tQn25wIDAQAB
-----END RSA PUBLIC KEY-----";

/// Over `(request-target) host date digest content-type`, with SHA-256.
pub(super) const CAVAGE_SHA256: &str = concat!(
    "R+61chyRJvVX3U6hNeQPHfY7pcREbWsLj2dr3tiFjYtF9PXCSljSfJVFEPuBVs9iNeHd+v3Q0m6Jeazz",
    "TdnyYHthyKGdTvC7cnylt3miMoYcCE8W5K8bmRsbc0Uh4BvN2DOlYPVLoN46AOxzOpMtmwWJsdBIIO/h",
    "FpW7Gdk370KIv2uXLtTVTOO+vwwrzw3DS+2L595tmytIMKPRy5mOiySIaG3ARo9WNRJRR+DvE8cGFdwq",
    "64PZgqwEhCScUN6O33ochRes+vFnoqPfOz+3cMkBGwU4jbCigAQvbCCzDRrK3s0OmTT5mwR/qw4fIR8s",
    "eht811ZrTkkMAQgV2U8T8Q==",
);

/// The same with SHA-512.
pub(super) const CAVAGE_SHA512: &str = concat!(
    "oV5ljIzqGnUJBKyPpi9qcd4Cre23NyyMXKvbNQtIyhpm5tVmru0707Wyd6ex+CkexqwFHa/fEfs4Idf5",
    "sRshhEmQs2uKCf/EuPOCYEqyoibKRjXaBhGzZK02bgeLgZ8CGjum4RyZha2V5eHrrvJxknC7LmJjnBrT",
    "rpzYcwijJ4iYpseC7KleOajubBTqekwSU4j7GBSMljw6/VLDhKrAjFN9/c1cOJV0VWGA2ldO5xyxRmUE",
    "bt9NbGkcP2o8BsbW+R2UeKW4AY3zhcq36wKhQhMD7sEgBT6Wyo+/2b0WlP1AMmth9knepQkoevrajDUJ",
    "ppVNZzTMFbeqWMpualCEDQ==",
);

/// Over `"@method" "@target-uri" "content-digest"`.
pub(super) const RFC_9421: &str = concat!(
    "rp43GJphnsDzLKEkqUjyh5iq0MY9dCEjpDmukhtSnxOt02Pj9BFKmfJ2n5t+j1xzcrn+xTq5934WNbcx",
    "p7xaAy7cN0oHZO+/XpgHFwtsmZhgA549Q5J7uHns6MGjJ9ECRBIo6/gh/R1X6NLPgJfi2kxhHjL1wYiU",
    "dZA0pHa0SNCy7lTPLTW+/NegDXh/pkzu1D3QQ6HfxPmq/v+PZ82g0ItriF4MypE2v5V/Cg7+97EUOlCW",
    "8hP9N7HA2cgMVLUMABl4ZmewJDatWlvUxS9tAcSKKeCRcMAQWkvpebztLVE3irkhU3RKonitq1/lbpYR",
    "awGlymxcXCH4I1AMvW2p+Q==",
);
