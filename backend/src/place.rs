//! Where a session is, from its network address.

use std::net::{IpAddr, Ipv4Addr};

use secure_chat_shared::protocol::Place;

/// The place of an address, which nobody may have noted.
pub fn of(address: Option<IpAddr>) -> Place {
    match address.map(|address| address.to_canonical()) {
        None => Place::Unknown,
        Some(address) if address.is_unspecified() => Place::Unknown,
        Some(address) if address.is_loopback() => Place::ThisMachine,
        Some(address) if is_private(address) => Place::PrivateNetwork,
        Some(address) => Place::Internet(address.to_string()),
    }
}

/// RFC 1918, 3927, 6598; RFC 4193, 4291.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let shared = Ipv4Addr::new(100, 64, 0, 0).to_bits();
            address.is_private()
                || address.is_link_local()
                || address.to_bits() & 0xffc0_0000 == shared
        }
        IpAddr::V6(address) => address.is_unique_local() || address.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart() {
        let internet = |text: &str| Place::Internet(text.into());
        for (address, place) in [
            ("127.0.0.1", Place::ThisMachine),
            ("::1", Place::ThisMachine),
            ("::ffff:127.0.0.1", Place::ThisMachine),
            ("0.0.0.0", Place::Unknown),
            ("10.1.2.3", Place::PrivateNetwork),
            ("192.168.0.9", Place::PrivateNetwork),
            ("100.64.0.1", Place::PrivateNetwork),
            ("100.127.255.255", Place::PrivateNetwork),
            ("169.254.0.1", Place::PrivateNetwork),
            ("fd00::1", Place::PrivateNetwork),
            ("fe80::1", Place::PrivateNetwork),
            ("100.128.0.1", internet("100.128.0.1")),
            ("192.0.2.7", internet("192.0.2.7")),
            ("::ffff:192.0.2.7", internet("192.0.2.7")),
            ("2001:db8::7", internet("2001:db8::7")),
        ] {
            assert_eq!(of(Some(address.parse().unwrap())), place, "{address}");
        }
        assert_eq!(of(None), Place::Unknown);
    }
}
