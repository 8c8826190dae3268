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
      - The URL of the connector server, such as V(https://pe.example.com:7443). Every connector has its own port.
      - The API is expected at C(/api/v2/connector) on this server. A path in the URL replaces that path, so the whole
        address of the API can be given too, for example for a server behind a proxy.
      - An C(http) URL requires O(allow_http).
      - Defaults to the environment variable E(PE_CONNECTOR_URL).
    type: str
    required: true
  connector_user:
    description:
      - The user name for the connector server (HTTP Basic), if it asks for one. Requires O(connector_password).
      - Defaults to the environment variable E(PE_CONNECTOR_USER).
    type: str
  connector_password:
    description:
      - The password of O(connector_user).
      - Defaults to the environment variable E(PE_CONNECTOR_PASSWORD).
    type: str
  allow_http:
    description:
      - Whether O(connector_url) may be an C(http) URL. All passwords and secret settings are then sent unencrypted, and
        the module warns of that. Use it only in a lab.
      - Defaults to the environment variable E(PE_ALLOW_HTTP).
    type: bool
    default: false
  json_names_path:
    description:
      - The path of a file, on the host that runs the module, with the JSON names of a connector server that differ from
        those that the collection assumes (see the notes).
      - It is a JSON or YAML file with one object. Each key is the name of an entry, each value a JSON key, or JSON keys
        joined by dots or in a list that lead to a value. Entries that are not in the file keep their values.
      - "The entries of an instance, with their values: C(id: id), C(controller: controller.ipAddress),
        C(controller_port: controller.port), C(controller_username: controller.username),
        C(controller_password: controller.password), C(controller_context: controller.context),
        C(address_space_type: endpointAddressSpace.type), C(address_space_name: endpointAddressSpace.name),
        C(settings: additionalSettings), and in each of the settings C(setting_name: name), C(setting_value: value)."
      - "The paths of the API: C(base: /api/v2/connector), and below it C(connector) (empty) and
        C(instances: /instances)."
      - "The entries of the connector's type: C(type: type), C(contexts: controllerContexts),
        C(capabilities: capabilities), C(capability_name: name), C(type_settings: additionalSettings),
        C(type_setting_name: name), C(type_setting_description: description), C(type_setting_type: type),
        C(type_setting_required: required)."
      - "For a server that shows C({\"uuid\": \"1\", \"controllerAddress\": \"10.92.82.18\"}) the file contains
        C({\"id\": \"uuid\", \"controller\": \"controllerAddress\"})."
      - JSON files can always be read. YAML files require the Python library PyYAML on the host that runs the module.
      - Defaults to the environment variable E(PE_JSON_NAMES).
    type: path
  validate_certs:
    description:
      - Whether to validate the certificate of the connector server. With V(false) traffic can be intercepted and
        modified, and passwords can be read.
      - Defaults to the environment variable E(PE_VALIDATE_CERTS).
    type: bool
    default: true
  ca_path:
    description:
      - A PEM file with the CA certificates to trust, on the host that runs the module.
      - Defaults to the environment variable E(PE_CA_PATH), then E(REQUESTS_CA_BUNDLE), then E(CURL_CA_BUNDLE), then the
        certificates that the Python library requests trusts.
    type: path
  client_cert:
    description:
      - A PEM file with a client certificate, and with its key if O(client_key) is not set.
      - Defaults to the environment variable E(PE_CLIENT_CERT).
    type: path
  client_key:
    description:
      - A PEM file with the key of O(client_cert).
      - Defaults to the environment variable E(PE_CLIENT_KEY).
    type: path
  proxy:
    description:
      - The URL of a proxy to the connector server, such as V(http://proxy.example.com:3128). It may contain a user and
        a password, so it is treated as a secret.
      - Defaults to the environment variable E(PE_PROXY), then E(https_proxy), unless E(no_proxy) excludes the connector
        server.
    type: str
  use_proxy:
    description:
      - Whether to use a proxy. With V(false) the proxy of the environment is not used either.
      - Defaults to the environment variable E(PE_USE_PROXY).
    type: bool
    default: true
  timeout:
    description:
      - Seconds to wait for a response of the connector server before the request counts as failed. Connecting is
        limited to 10 seconds.
      - Defaults to the environment variable E(PE_TIMEOUT).
    type: float
    default: 30
  deadline:
    description:
      - The maximum number of seconds for the whole task, including repeated requests and the pauses between them.
      - Defaults to the environment variable E(PE_DEADLINE).
    type: float
    default: 300
requirements:
  - requests (Python library) on the host that runs the module
notes:
  - An option of the task takes precedence over its environment variable, and both take precedence over the variables
    that the Python library requests reads. An empty environment variable counts as not set.
  - GET, PUT and DELETE are sent again on broken connections and on 429, 502, 503 and 504. POST is sent again on 429
    and if it was never sent, because connecting failed. After any other end without a clear response, the object is
    looked up, for 12.5 seconds if the server may still be working on the request, and the POST is not sent again. A
    certificate error is never tried again.
  - The public pages of the Policy Enforcer Connector API do not specify the JSON names of an instance. The collection
    assumes them; if your server has other names, set O(json_names_path). The guide R(Assumptions about the APIs,
    ansible_collections.microseg.enforcement.docsite.assumptions) lists all assumptions.
  - "Run the module on the control node (C(delegate_to: localhost) or C(connection: local)) unless the hosts can reach
    the connector server."
"""
