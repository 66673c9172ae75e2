//! The metrics of listeners.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ListenerLabel {
    listener: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClosedLabels {
    listener: &'static str,
    cause: &'static str,
}

/// The families of all listeners.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    connections: Family<ListenerLabel, Gauge<u64, AtomicU64>>,
    places: Family<ListenerLabel, Gauge<u64, AtomicU64>>,
    closed: Family<ClosedLabels, Counter>,
}

impl Listeners {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "listener_connections",
            "Open connections of a listener, those that are closing included",
            self.connections.clone(),
        );
        registry.register(
            "listener_places",
            "How many connections a listener takes at a time",
            self.places.clone(),
        );
        registry.register(
            "listener_closed_connections",
            "Connections that a listener ended for want of places, by cause",
            self.closed.clone(),
        );
    }

    /// The handles of one listener.
    pub(super) fn listener(&self, listener: &'static str) -> ListenerMetrics {
        let gauge = |family: &Family<ListenerLabel, Gauge<u64, AtomicU64>>| {
            family.get_or_create(&ListenerLabel { listener }).clone()
        };
        let closed = |cause| self.closed.get_or_create(&ClosedLabels { listener, cause }).clone();
        ListenerMetrics {
            connections: gauge(&self.connections),
            places: gauge(&self.places),
            displaced: closed("displaced"),
            refused: closed("refused"),
            greeting: closed("greeting"),
            idle: closed("idle"),
        }
    }
}

/// The metrics of one listener.
#[derive(Debug, Clone, Default)]
pub struct ListenerMetrics {
    /// `rolegate_listener_connections`
    pub connections: Gauge<u64, AtomicU64>,
    /// `rolegate_listener_places`
    pub places: Gauge<u64, AtomicU64>,
    /// `rolegate_listener_closed_connections_total`: connections whose place a newcomer took.
    pub displaced: Counter,
    /// The same: newcomers that found no place.
    pub refused: Counter,
    /// The same: connections whose greeting took too long for how scarce places were.
    pub greeting: Counter,
    /// The same: connections without a request for too long for how scarce places were.
    pub idle: Counter,
}
