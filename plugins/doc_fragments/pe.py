# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the options that lead to a connector server of a Policy Enforcer."""

from __future__ import annotations


class ModuleDocFragment:
    """The connection options of all modules of the action group C(microseg.enforcement.pe)."""

    DOCUMENTATION = r"""
options:
  connector_url:
    description:
      - Where the connector server is, such as V(https://pe.example.com:7443). Every connector has its own port.
      - The API is taken to be at C(/api/v2/connector) there. A path in the URL takes its place, for servers behind a
        proxy, so the API's whole address can be given too.
      - Only C(https) will do, since the passwords of controllers are sent to it.
      - If not given, the environment variable E(PE_CONNECTOR_URL) is used.
    type: str
    required: true
  connector_user:
    description:
      - A user of the connector server (HTTP Basic), where it asks for one. Needs O(connector_password) beside it.
      - If not given, the environment variable E(PE_CONNECTOR_USER) is used.
    type: str
  connector_password:
    description:
      - The password of O(connector_user).
      - If not given, the environment variable E(PE_CONNECTOR_PASSWORD) is used.
    type: str
  validate_certs:
    description:
      - Whether the connector server must show a trusted certificate. With V(false) anybody on the way can take the
        passwords.
      - If not given, the environment variable E(PE_VALIDATE_CERTS) is used.
    type: bool
    default: true
  ca_path:
    description:
      - A file (PEM) with the CA certificates to trust, on the host that runs the module.
      - If not given, the environment variable E(PE_CA_PATH) is used, then E(REQUESTS_CA_BUNDLE), then
        E(CURL_CA_BUNDLE), then the certificates that the Python library requests trusts.
    type: path
  client_cert:
    description:
      - A file (PEM) with a client certificate, and with its key if O(client_key) is not given.
      - If not given, the environment variable E(PE_CLIENT_CERT) is used.
    type: path
  client_key:
    description:
      - A file (PEM) with the key of O(client_cert).
      - If not given, the environment variable E(PE_CLIENT_KEY) is used.
    type: path
  proxy:
    description:
      - The URL of a proxy to the connector server, such as V(http://proxy.example.com:3128). It may hold a user and a
        password, so it is treated as a secret.
      - If not given, the environment variable E(PE_PROXY) is used, then E(https_proxy), unless E(no_proxy) excludes
        the connector server.
    type: str
  use_proxy:
    description:
      - Whether a proxy may be used at all. With V(false) the environment's proxy is not used either.
      - If not given, the environment variable E(PE_USE_PROXY) is used.
    type: bool
    default: true
  timeout:
    description:
      - Seconds to wait for an answer of the connector server before the request counts as failed. Connecting is given
        10 seconds at most.
      - If not given, the environment variable E(PE_TIMEOUT) is used.
    type: float
    default: 30
  deadline:
    description:
      - Seconds that the task may take in all, with repeated requests and the pauses between them.
      - If not given, the environment variable E(PE_DEADLINE) is used.
    type: float
    default: 300
requirements:
  - requests (Python library) on the host that runs the module
notes:
  - An option of the task wins over its environment variable, and both win over what the Python library requests reads
    from the environment. An empty environment variable counts as not set.
  - GET, PUT and DELETE are sent again on broken connections and on 429, 502, 503 and 504. POST is sent again on 429 and
    when no connection came about; after any other failure the object is looked up before it is sent again, and after a
    POST without an answer in time, or a 504, it is not sent again at all. A certificate error is never tried again.
  - The public pages of the Policy Enforcer Connector API do not give the JSON names of an instance. Those that are used
    are assumed, and stand in one table, C(plugins/module_utils/_pe/names.py). The collection's guide
    C(docs/connector-instances.md) says how to change them.
  - "Run it on the controller (C(delegate_to: localhost) or C(connection: local)) unless the hosts reach the connector
    server."
"""
