"""The contract as data, made out of what the features declare and validate with, and a page to browse it.

    GET /api/v1/openapi.json     OpenAPI 3.1: every REST call
    GET /api/v1/asyncapi.json    AsyncAPI 3: the socket
    GET /debug/api               the one in Swagger UI, in development only
    GET /debug/api/socket        the other in asyncapi-viewer, likewise

No token. `make types` writes docs/types.ts out of the same two.
"""

from regoods.core.feature import Feature
from regoods.features.api_docs.routes import ROUTES

FEATURE = Feature(name="api_docs", routes=ROUTES)
