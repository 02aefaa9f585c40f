"""Probes and heartbeats in the schema."""

import strawberry

from century.probes.graphql.heartbeats import HeartbeatMutation, HeartbeatQuery
from century.probes.graphql.probing import ProbeMutation, ProbeQuery, ProbeSubscription


@strawberry.type
class Query(ProbeQuery, HeartbeatQuery):
    pass


@strawberry.type
class Mutation(ProbeMutation, HeartbeatMutation):
    pass


@strawberry.type
class Subscription(ProbeSubscription):
    pass
