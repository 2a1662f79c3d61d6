//! DSA against RFC 6979, the `dsa` crate, and other encodings.

use dsa::signature::SignatureEncoding;
use dsa::{BoxedUint, Components, SigningKey, VerifyingKey};
use sha2::Sha256;

use super::hex;
use crate::client::native::test_keys;
use crate::crypto::dsa::{self as ours, BadDsaKey, Group, MAX_SIGNATURE};
use crate::crypto::dsa_params::{ALGORITHM_IDENTIFIER, P, Q};
use crate::crypto::primitives::sha256;
use crate::crypto::{der, random};

/// RFC 6979, A.2.1: p, q, g, x, y of 1024 and 160 bits.
const RFC6979_A21: [&str; 5] = [
    "86F5CA03DCFEB225063FF830A0C769B9DD9D6153AD91D7CE27F787C43278B447E6533B86B18BED6E\
     8A48B784A14C252C5BE0DBF60B86D6385BD2F12FB763ED8873ABFD3F5BA2E0A8C0A59082EAC05693\
     5E529DAF7C610467899C77ADEDFC846C881870B7B19B2B58F9BE0521A17002E3BDD6B86685EE90B3\
     D9A1B02B782B1779",
    "996F967F6C8E388D9E28D01E205FBA957A5698B1",
    "07B0F92546150B62514BB771E2A0C0CE387F03BDA6C56B505209FF25FD3C133D89BBCD97E904E091\
     14D9A7DEFDEADFC9078EA544D2E401AEECC40BB9FBBF78FD87995A10A1C27CB7789B594BA7EFB5C4\
     326A9FE59A070E136DB77175464ADCA417BE5DCE2F40D10A46A3A3943F26AB7FD9C0398FF8C76EE0\
     A56826A8A88F1DBD",
    "411602CB19A6CCC34494D79D98EF1E7ED5AF25F7",
    "5DF5E01DED31D0297E274E1691C192FE5868FEF9E19A84776454B100CF16F65392195A38B90523E2\
     542EE61871C0440CB87C322FC4B4D2EC5E1E7EC766E1BE8D4CE935437DC11C3C8FD426338933EBFE\
     739CB3465F4D3668C5E473508253B1E682F65CBDC4FAE93C2EA212390E54905A86E2223170B44EAA\
     7DA5DD9FFCFB7F3B",
];

/// RFC 6979, A.2.2: p, q, g, x, y of 2048 and 256 bits.
const RFC6979_A22: [&str; 5] = [
    "9DB6FB5951B66BB6FE1E140F1D2CE5502374161FD6538DF1648218642F0B5C48C8F7A41AADFA1873\
     24B87674FA1822B00F1ECF8136943D7C55757264E5A1A44FFE012E9936E00C1D3E9310B01C7D1798\
     05D3058B2A9F4BB6F9716BFE6117C6B5B3CC4D9BE341104AD4A80AD6C94E005F4B993E14F091EB51\
     743BF33050C38DE235567E1B34C3D6A5C0CEAA1A0F368213C3D19843D0B4B09DCB9FC72D39C8DE41\
     F1BF14D4BB4563CA28371621CAD3324B6A2D392145BEBFAC748805236F5CA2FE92B871CD8F9C36D3\
     292B5509CA8CAA77A2ADFC7BFD77DDA6F71125A7456FEA153E433256A2261C6A06ED3693797E7995\
     FAD5AABBCFBE3EDA2741E375404AE25B",
    "F2C3119374CE76C9356990B465374A17F23F9ED35089BD969F61C6DDE9998C1F",
    "5C7FF6B06F8F143FE8288433493E4769C4D988ACE5BE25A0E24809670716C613D7B0CEE6932F8FAA\
     7C44D2CB24523DA53FBE4F6EC3595892D1AA58C4328A06C46A15662E7EAA703A1DECF8BBB2D05DBE\
     2EB956C142A338661D10461C0D135472085057F3494309FFA73C611F78B32ADBB5740C361C9F35BE\
     90997DB2014E2EF5AA61782F52ABEB8BD6432C4DD097BC5423B285DAFB60DC364E8161F4A2A35ACA\
     3A10B1C4D203CC76A470A33AFDCBDD92959859ABD8B56E1725252D78EAC66E71BA9AE3F1DD248719\
     9874393CD4D832186800654760E1E34C09E4D155179F9EC0DC4473F996BDCE6EED1CABED8B6F116F\
     7AD9CF505DF0F998E34AB27514B0FFE7",
    "69C7548C21D0DFEA6B9A51C9EAD4E27C33D3B3F180316E5BCAB92C933F0E4DBC",
    "667098C654426C78D7F8201EAC6C203EF030D43605032C2F1FA937E5237DBD949F34A0A2564FE126\
     DC8B715C5141802CE0979C8246463C40E6B6BDAA2513FA611728716C2E4FD53BC95B89E69949D965\
     12E873B9C8F8DFD499CC312882561ADECB31F658E934C0C197F2C4D96B05CBAD67381E7B768891E4\
     DA3843D24D94CDFB5126E9B8BF21E8358EE0E0A30EF13FD6A664C0DCE3731F7FB49A4845A4FD8254\
     687972A2D382599C9BAC4E0ED7998193078913032558134976410B89D2C171D123AC35FD97721959\
     7AA7D15C1A9A428E59194F75C721EBCBCFAE44696A499AFA74E04299F132026601638CB87AB79190\
     D4A0986315DA8EEC6561C938996BEADF",
];

#[test]
fn rfc_6979_signatures_are_made_and_verified() {
    let cases = [
        (
            RFC6979_A21,
            "sample",
            [
                "81F2F5850BE5BC123C43F71A3033E9384611C545",
                "4CDD914B65EB6C66A8AAAD27299BEE6B035F5E89",
            ],
        ),
        (
            RFC6979_A21,
            "test",
            [
                "22518C127299B0F6FDC9872B282B9E70D0790812",
                "6837EC18F150D55DE95B5E29BE7AF5D01E4FE160",
            ],
        ),
        (
            RFC6979_A22,
            "sample",
            [
                "EACE8BDBBE353C432A795D9EC556C6D021F7A03F42C36E9BC87E4AC7932CC809",
                "7081E175455F9247B812B74583E9E94F9EA79BD640DC962533B0680793A38D53",
            ],
        ),
        (
            RFC6979_A22,
            "test",
            [
                "8190012A1969F9957D56FCCAAD223186F423398D58EF5B3CEFD5A4146A4476F0",
                "7452A53F7075D417B4B013B278D1BB8BBD21863F5E7B1CEE679CF2188E1AB19E",
            ],
        ),
    ];
    for (key, message, signature) in cases {
        let [p, q, g, x, y] = key.map(hex);
        let [r, s] = signature.map(hex);
        let expected = der::write(
            der::SEQUENCE,
            &[der::write_uint(&r), der::write_uint(&s)].concat(),
        );
        let digest = sha256(message.as_bytes());
        let uint = |bytes: &[u8]| BoxedUint::from_be_slice_vartime(bytes);
        let components = Components::from_components(uint(&p), uint(&q), uint(&g)).unwrap();
        let public = VerifyingKey::from_components(components, uint(&y)).unwrap();
        let key = SigningKey::from_components(public, uint(&x)).unwrap();
        let made = key.sign_prehashed_rfc6979::<Sha256>(&digest).unwrap();
        assert_eq!(made.to_vec(), expected);
        let group = Group::new(&p, &q, &g).unwrap();
        let y = group.parse_y(&y).unwrap();
        assert!(group.contains(&y));
        assert!(group.verify(&y, &digest, &expected));
        assert!(!group.verify(&y, &sha256(b"other"), &expected));
    }
}

#[test]
fn verification_agrees_with_the_crate() {
    use dsa::pkcs8::DecodePublicKey;
    use dsa::signature::Verifier;

    let key = test_keys::set(0).unwrap().dsa_signing;
    let spki = key.spki();
    let theirs = VerifyingKey::from_public_key_der(&spki).unwrap();
    for i in 0..8_u8 {
        let message = [i; 40];
        let signature = key.sign(&message).unwrap();
        assert!(signature.len() <= MAX_SIGNATURE);
        let parsed = dsa::Signature::try_from(&signature[..]).unwrap();
        assert!(ours::verify(&spki, &message, &signature));
        theirs.verify(&message, &parsed).unwrap();
        // Other r and s in range: neither accepts them.
        let mut altered = signature.clone();
        let at = altered.len() - 1 - usize::from(i);
        altered[at] ^= 1;
        let parsed = dsa::Signature::try_from(&altered[..]).unwrap();
        assert!(!ours::verify(&spki, &message, &altered));
        assert!(theirs.verify(&message, &parsed).is_err());
    }
}

#[test]
fn signatures_hold_for_one_message_and_key_in_one_encoding() {
    let key = test_keys::set(0).unwrap().dsa_signing;
    let (spki, other) = (key.spki(), test_keys::set(1).unwrap().dsa_signing.spki());
    let signature = key.sign(b"message").unwrap();
    assert_eq!(
        key.sign(b"message").unwrap(),
        signature,
        "RFC 6979 is deterministic"
    );
    assert!(ours::verify(&spki, b"message", &signature));
    assert!(!ours::verify(&spki, b"massage", &signature));
    assert!(!ours::verify(&other, b"message", &signature));
    for i in 0..signature.len() {
        let mut altered = signature.clone();
        altered[i] ^= 1;
        assert!(!ours::verify(&spki, b"message", &altered));
        assert!(!ours::verify(&spki, b"message", &signature[..i]));
    }
    let longer = [&signature[..], &[0]].concat();
    assert!(!ours::verify(&spki, b"message", &longer));
    // The same s, q larger or negated; r and s of nothing.
    let mut input = &signature[..];
    let mut both = der::read(der::SEQUENCE, &mut input).unwrap();
    let r = der::read_uint(&mut both).unwrap();
    let s = BoxedUint::from_be_slice(der::read_uint(&mut both).unwrap(), 320).unwrap();
    let q = BoxedUint::from_be_slice(&Q, 320).unwrap();
    let pair = |r: &[u8], s: &[u8]| {
        der::write(
            der::SEQUENCE,
            &[der::write_uint(r), der::write_uint(s)].concat(),
        )
    };
    assert!(ours::verify(&spki, b"message", &pair(r, &s.to_be_bytes())));
    let larger = s.wrapping_add(&q).to_be_bytes();
    for bad in [
        pair(r, &larger),
        pair(r, &[]),
        pair(&[], &[1]),
        pair(&Q, &[1]),
        pair(r, &Q),
    ] {
        assert!(!ours::verify(&spki, b"message", &bad));
    }
}

fn spki_of(algorithm: &[u8], y: &[u8]) -> Vec<u8> {
    let bits = [&[0][..], &der::write_uint(y)].concat();
    let info = [algorithm, &der::write(der::BIT_STRING, &bits)].concat();
    der::write(der::SEQUENCE, &info)
}

#[test]
fn keys_outside_the_group_are_refused() {
    let good = test_keys::set(0).unwrap().dsa_signing.spki();
    assert_eq!(ours::validate_spki(&good), Ok(()));
    let mut p_minus_1 = P;
    p_minus_1[383] -= 1;
    // p - 1 has order 2; 2 is almost surely not in the subgroup of order q.
    for y in [&[][..], &[1], &[2], &p_minus_1, &P, &[0xff; 384]] {
        assert_eq!(
            ours::validate_spki(&spki_of(&ALGORITHM_IDENTIFIER, y)),
            Err(BadDsaKey)
        );
    }
    let y = {
        let mut bits = &good[4 + ALGORITHM_IDENTIFIER.len()..];
        let mut bits = &der::read(der::BIT_STRING, &mut bits).unwrap()[1..];
        der::read_uint(&mut bits).unwrap()
    };
    assert_eq!(spki_of(&ALGORITHM_IDENTIFIER, y), good);
    // Other parameters, also such as differ in g alone.
    let mut other = ALGORITHM_IDENTIFIER;
    other[828] ^= 1;
    assert_eq!(ours::validate_spki(&spki_of(&other, y)), Err(BadDsaKey));
    // Other bytes around the same y.
    for bad in [
        &good[1..],
        &good[..good.len() - 1],
        &[&good[..], &[0]].concat(),
        &[],
    ] {
        assert_eq!(ours::validate_spki(bad), Err(BadDsaKey));
    }
    for at in [0, 3, 4, 10, 4 + ALGORITHM_IDENTIFIER.len() + 4] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert_eq!(ours::validate_spki(&bad), Err(BadDsaKey), "{at}");
    }
}

#[test]
fn private_keys_are_read_in_one_encoding() {
    let [_, _, good] = test_keys::pkcs8(0);
    let key = ours::PrivateKey::from_pkcs8(good).unwrap();
    assert_eq!(**key.to_pkcs8().unwrap(), *good);
    for i in [0, 1, 5, 7, 100, 500] {
        let mut bad = good.to_vec();
        bad[i] ^= 1;
        assert!(ours::PrivateKey::from_pkcs8(&bad).is_err(), "{i}");
        assert!(ours::PrivateKey::from_pkcs8(&good[..i]).is_err());
    }
    assert!(ours::PrivateKey::from_pkcs8(&[good, &[0]].concat()).is_err());
    let made = ours::PrivateKey::make().unwrap();
    let again = ours::PrivateKey::from_pkcs8(&made.to_pkcs8().unwrap()).unwrap();
    assert_eq!(again.spki(), made.spki());
    let message: [u8; 32] = random::bytes();
    assert!(ours::verify(
        &made.spki(),
        &message,
        &again.sign(&message).unwrap()
    ));
}
