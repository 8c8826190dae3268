# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the options that lead to a PCE."""

from __future__ import annotations


class ModuleDocFragment:
    """The connection options of all modules of the action group C(microseg.enforcement.pce)."""

    DOCUMENTATION = r"""
options:
  pce_host:
    description:
      - Where the PCE is. A host name, an IPv4 or IPv6 address, or a URL such as V(https://pce.example.com:8443).
      - A port in the URL wins over O(pce_port).
      - If not given, the environment variable E(PCE_HOST) or E(ILLUMIO_PCE_HOST) is used.
    type: str
    required: true
  pce_port:
    description:
      - The port of the PCE's REST API, 1 to 65535.
      - If not given, the environment variable E(PCE_PORT) or E(ILLUMIO_PCE_PORT) is used.
    type: int
    default: 8443
  pce_org_id:
    description:
      - The number of the organisation.
      - If not given, the environment variable E(PCE_ORG_ID) or E(ILLUMIO_PCE_ORG_ID) is used.
    type: int
    default: 1
  api_key:
    description:
      - The name of the API key, as the PCE shows it (C(api_...)). It is no secret; its secret is O(api_secret).
      - If not given, the environment variable E(PCE_API_KEY) or E(ILLUMIO_API_KEY_USERNAME) is used.
    type: str
    required: true
  api_secret:
    description:
      - The secret of the API key.
      - If not given, the environment variable E(PCE_API_SECRET) or E(ILLUMIO_API_KEY_SECRET) is used.
    type: str
    required: true
  validate_certs:
    description:
      - Whether the PCE must show a trusted certificate. With V(false) anybody on the way can take the API key.
      - If not given, the environment variable E(PCE_VALIDATE_CERTS) is used.
    type: bool
    default: true
  ca_path:
    description:
      - A file (PEM) with the CA certificates to trust, on the host that runs the module.
      - If not given, the environment variable E(PCE_CA_PATH) is used, then E(REQUESTS_CA_BUNDLE), then
        E(CURL_CA_BUNDLE), then the certificates that the Python library requests trusts.
    type: path
  client_cert:
    description:
      - A file (PEM) with a client certificate, and with its key if O(client_key) is not given.
      - If not given, the environment variable E(PCE_CLIENT_CERT) is used.
    type: path
  client_key:
    description:
      - A file (PEM) with the key of O(client_cert).
      - If not given, the environment variable E(PCE_CLIENT_KEY) is used.
    type: path
  proxy:
    description:
      - The URL of a proxy to the PCE, such as V(http://proxy.example.com:3128). It may hold a user and a password,
        so it is treated as a secret.
      - If not given, the environment variable E(PCE_PROXY) is used, then E(https_proxy), unless E(no_proxy) excludes
        the PCE.
    type: str
  use_proxy:
    description:
      - Whether a proxy may be used at all. With V(false) the environment's proxy is not used either.
      - If not given, the environment variable E(PCE_USE_PROXY) is used.
    type: bool
    default: true
  timeout:
    description:
      - Seconds to wait for an answer of the PCE before the request counts as failed. Connecting is given 10 seconds at
        most.
      - If not given, the environment variable E(PCE_TIMEOUT) is used.
    type: float
    default: 30
  deadline:
    description:
      - Seconds that the task may take in all, with repeated requests, the pauses that the PCE's rate limit asks for,
        and the jobs by which the PCE collects more than 500 objects.
      - If not given, the environment variable E(PCE_DEADLINE) is used.
    type: float
    default: 300
  max_requests_per_minute:
    description:
      - How many requests the task may send to the PCE within any minute, 1 to 100000. A PCE takes 500 a minute of one
        API key. Several tasks at a time that share an API key have to share this too.
      - If not given, the environment variable E(PCE_MAX_REQUESTS_PER_MINUTE) is used.
    type: int
    default: 450
requirements:
  - requests (Python library) on the host that runs the module
notes:
  - An option of the task wins over its environment variable, and both win over what the Python library requests reads
    from the environment. An empty environment variable counts as not set.
  - GET, PUT and DELETE are sent again on broken connections and on 429, 502, 503 and 504. POST is sent again on 429 and
    if it was never sent, because connecting failed. After any other end without a clear response, the object is looked
    up, and the POST is sent again only where the PCE refuses duplicates, so that never two are created. A certificate
    error is never tried again.
  - "Run it on the controller (C(delegate_to: localhost) or C(connection: local)) unless the hosts reach the PCE's API."
"""
