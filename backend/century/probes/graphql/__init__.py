"""Probes and heartbeats in the schema."""

import strawberry

from century.probes.graphql.heartbeats import HeartbeatMutation, HeartbeatQuery


@strawberry.type
class Query(HeartbeatQuery):
    pass


@strawberry.type
class Mutation(HeartbeatMutation):
    pass
