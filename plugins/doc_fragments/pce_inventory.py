# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the options that lead an inventory plugin to a PCE: those of the modules, on the control node."""

from __future__ import annotations


class ModuleDocFragment:
    """The connection options of an inventory source, which are templates if the user writes them so."""

    DOCUMENTATION = r"""
options:
  pce_host:
    description:
      - The address of the PCE. A host name, an IPv4 or IPv6 address, or a URL such as V(https://pce.example.com:8443).
      - A port in the URL takes precedence over O(pce_port).
      - Defaults to the environment variable E(PCE_HOST), then E(ILLUMIO_PCE_HOST).
    type: str
    required: true
  pce_port:
    description:
      - The port of the REST API of the PCE, 1 to 65535.
      - Defaults to the environment variable E(PCE_PORT), then E(ILLUMIO_PCE_PORT).
    type: int
    default: 8443
  pce_org_id:
    description:
      - The ID of the organization.
      - Defaults to the environment variable E(PCE_ORG_ID), then E(ILLUMIO_PCE_ORG_ID).
    type: int
    default: 1
  api_key:
    description:
      - The name of the API key, as the PCE shows it (C(api_...)). It is not secret; its secret is O(api_secret).
      - Permission to read workloads and labels is enough.
      - Defaults to the environment variable E(PCE_API_KEY), then E(ILLUMIO_API_KEY_USERNAME).
    type: str
    required: true
  api_secret:
    description:
      - The secret of the API key. It can be encrypted with Ansible Vault, or a template with a lookup.
      - Defaults to the environment variable E(PCE_API_SECRET), then E(ILLUMIO_API_KEY_SECRET).
    type: str
    required: true
  validate_certs:
    description:
      - Whether to validate the certificate of the PCE. With V(false) traffic can be intercepted and modified, and the
        API key can be read.
      - Defaults to the environment variable E(PCE_VALIDATE_CERTS).
    type: bool
    default: true
  ca_path:
    description:
      - A PEM file with the CA certificates to trust.
      - Defaults to the environment variable E(PCE_CA_PATH), then E(REQUESTS_CA_BUNDLE), then E(CURL_CA_BUNDLE), then
        the certificates that the Python library requests trusts.
    type: path
  client_cert:
    description:
      - A PEM file with a client certificate, and with its key if O(client_key) is not set.
      - Defaults to the environment variable E(PCE_CLIENT_CERT).
    type: path
  client_key:
    description:
      - A PEM file with the key of O(client_cert).
      - Defaults to the environment variable E(PCE_CLIENT_KEY).
    type: path
  proxy:
    description:
      - The URL of a proxy to the PCE, such as V(http://proxy.example.com:3128). It may contain a user and a password,
        so it is treated as a secret.
      - Defaults to the environment variable E(PCE_PROXY), then E(https_proxy), unless E(no_proxy) excludes the PCE.
    type: str
  use_proxy:
    description:
      - Whether to use a proxy. With V(false) the proxy of the environment is not used either.
      - Defaults to the environment variable E(PCE_USE_PROXY).
    type: bool
    default: true
  timeout:
    description:
      - Seconds to wait for a response of the PCE before the request counts as failed. Connecting is limited to 10
        seconds.
      - Defaults to the environment variable E(PCE_TIMEOUT).
    type: float
    default: 30
  deadline:
    description:
      - The maximum number of seconds for reading the PCE, including repeated requests, the pauses for the rate limit,
        and the jobs that collect more than 500 objects.
      - Defaults to the environment variable E(PCE_DEADLINE).
    type: float
    default: 300
  max_requests_per_minute:
    description:
      - The maximum number of requests that are sent to the PCE in a minute, 1 to 100000. A PCE accepts 500 requests a
        minute for each API key.
      - Defaults to the environment variable E(PCE_MAX_REQUESTS_PER_MINUTE).
    type: int
    default: 450
requirements:
  - requests (Python library) on the control node
notes:
  - An option of the inventory file takes precedence over its environment variable, and both take precedence over the
    variables that the Python library requests reads. An empty value counts as not set.
  - The guide R(Assumptions about the APIs, ansible_collections.microseg.enforcement.docsite.assumptions) lists what the
    plugin relies on that the public documentation of the PCE does not say.
"""
