//! To which addresses a notification may be sent.
//!
//! An endpoint's URL is a setting, but what its name resolves to is not: whoever controls the name
//! could let the bridge call services inside the network (server-side request forgery). So each
//! address is judged right before the connection is made to it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A judgement about an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressKind {
    /// An address of the internet.
    Public,
    /// This machine, a private network or a carrier's network. Reached only if the endpoint allows
    /// it.
    Private,
    /// Never reached: metadata services of clouds, link-local, multicast and reserved addresses.
    Forbidden,
}

/// Whether a connection to an address may be made.
#[must_use]
pub fn may_connect(address: IpAddr, allows_private: bool) -> bool {
    match kind_of(address) {
        AddressKind::Public => true,
        AddressKind::Private => allows_private,
        AddressKind::Forbidden => false,
    }
}

/// Judges an address.
#[must_use]
pub fn kind_of(address: IpAddr) -> AddressKind {
    match address {
        IpAddr::V4(address) => kind_of_v4(address),
        IpAddr::V6(address) => kind_of_v6(address),
    }
}

/// Public-looking addresses at which clouds answer their own machines: Azure's platform service,
/// and the metadata services of Alibaba and Oracle.
const METADATA: [Ipv4Addr; 3] = [
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
];

/// Metadata services over IPv6, in private networks: those of Google Cloud and Scaleway.
const METADATA_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42),
];

/// The IANA registry of special-purpose IPv4 addresses (RFC 6890 and its updates).
fn kind_of_v4(address: Ipv4Addr) -> AddressKind {
    if METADATA.contains(&address) {
        return AddressKind::Forbidden;
    }
    match address.octets() {
        [10 | 127, ..] | [192, 168, ..] | [172, 16..=31, ..] | [100, 64..=127, ..] => {
            AddressKind::Private
        }
        // This network, link-local, protocol assignments, documentation, 6to4 relays, benchmarks,
        // multicast and reserved.
        [0 | 224..=255, ..]
        | [169, 254, ..]
        | [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _] => AddressKind::Forbidden,
        _ => AddressKind::Public,
    }
}

/// The IANA registry of special-purpose IPv6 addresses. Only 2000::/3 is assigned to the internet.
fn kind_of_v6(address: Ipv6Addr) -> AddressKind {
    // AWS's services for its own machines: metadata, DNS and time.
    let is_of_aws = matches!(address.segments(), [0xfd00, 0xec2, ..]);
    if is_of_aws || METADATA_V6.contains(&address) {
        return AddressKind::Forbidden;
    }
    let embedded = |high: u16, low: u16| {
        let [first, second] = high.to_be_bytes();
        let [third, fourth] = low.to_be_bytes();
        kind_of_v4(Ipv4Addr::new(first, second, third, fourth))
    };
    match address.segments() {
        _ if address == Ipv6Addr::LOCALHOST => AddressKind::Private,
        // RFC 4291 §2.5.5.2: IPv4-mapped addresses. The system connects to the IPv4 address.
        // RFC 6052: the translator of a network connects to the IPv4 address.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            embedded(high, low)
        }
        // RFC 3056: 6to4. The IPv4 address is the one of the relay.
        [0x2002, high, low, ..] => match embedded(high, low) {
            AddressKind::Public => AddressKind::Public,
            _ => AddressKind::Forbidden,
        },
        // RFC 4193: private networks.
        [0xfc00..=0xfdff, ..] => AddressKind::Private,
        // Protocol assignments, with Teredo; documentation.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => AddressKind::Forbidden,
        [0x2000..=0x3fff, ..] => AddressKind::Public,
        _ => AddressKind::Forbidden,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_of_the_internet_are_public() {
        for text in [
            "1.1.1.1",
            "93.184.216.34",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "2001:200::1",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
            "2002:101:101::1",
        ] {
            assert_eq!(kind_of(text.parse().unwrap()), AddressKind::Public, "{text}");
        }
    }

    #[test]
    fn private_addresses_are_reached_only_if_that_is_allowed() {
        for text in [
            "127.0.0.1",
            "127.255.255.255",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "::1",
            "fd12::1",
            "fd00:ec3::254",
            "fd20:ce::253",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
        ] {
            let address = text.parse().unwrap();
            assert_eq!(kind_of(address), AddressKind::Private, "{text}");
            assert!(!may_connect(address, false) && may_connect(address, true), "{text}");
        }
    }

    #[test]
    fn metadata_services_and_reserved_addresses_are_never_reached() {
        for text in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "168.63.129.16",
            "100.100.100.200",
            "192.0.0.192",
            "fd00:ec2::254",
            "fd00:ec2::253",
            "fd00:ec2:0:1::1",
            "fd20:ce::254",
            "fd00:42::42",
            "fe80::1",
            "fec0::1",
            "0.0.0.0",
            "0.1.2.3",
            "::",
            "::127.0.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:a9fe:a9fe::1",
            "3fff::1",
            "5f00::1",
            "4000::1",
        ] {
            let address = text.parse().unwrap();
            assert_eq!(kind_of(address), AddressKind::Forbidden, "{text}");
            assert!(!may_connect(address, true), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_ipv4_address_is_judged_the_same_in_every_notation(bits in any::<u32>()) {
            let address = Ipv4Addr::from(bits);
            let [a, b, c, d] = address.octets();
            let mapped = address.to_ipv6_mapped();
            prop_assert_eq!(kind_of(IpAddr::V6(mapped)), kind_of(IpAddr::V4(address)));
            let translated = Ipv6Addr::new(
                0x64, 0xff9b, 0, 0, 0, 0, u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]),
            );
            prop_assert_eq!(kind_of(IpAddr::V6(translated)), kind_of(IpAddr::V4(address)));
        }

        #[test]
        fn what_the_standard_library_calls_special_is_not_public(bits in any::<u32>()) {
            let address = Ipv4Addr::from(bits);
            let special = address.is_private() || address.is_loopback() || address.is_link_local()
                || address.is_multicast() || address.is_unspecified() || address.is_broadcast()
                || address.is_documentation();
            if special {
                prop_assert!(kind_of(IpAddr::V4(address)) != AddressKind::Public);
            }
        }
    }
}
