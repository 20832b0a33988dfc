# The connection as Terraform, for Saviynt's own provider. The other files of the package must lie beside this one.

terraform {
  required_providers {
    saviynt = {
      source = "saviynt/saviynt"
    }
  }
}

variable "intercom_bridge_client_id" {
  type = string
}

variable "intercom_bridge_client_secret" {
  type      = string
  sensitive = true
}

resource "saviynt_rest_connection_resource" "intercom" {
  connection_type = "REST"
  connection_name = "@@CONNECTION_NAME@@"
  connection_json = replace(
    replace(file("${path.module}/ConnectionJSON.json"), "@@CLIENT_ID@@", var.intercom_bridge_client_id),
    "@@CLIENT_SECRET@@", var.intercom_bridge_client_secret
  )
  import_account_ent_json = file("${path.module}/ImportAccountEntJSON.json")
  status_threshold_config = file("${path.module}/STATUS_THRESHOLD_CONFIG.json")
  config_json             = file("${path.module}/ConfigJSON.json")
  create_ticket_json      = file("${path.module}/CreateTicketJSON.json")
  ticket_status_json      = file("${path.module}/TicketStatusJSON.json")

  # With a token that does not change, in its place:
  # connection_json = replace(file("${path.module}/ConnectionJSON.bearer.json"), "@@ACCESS_TOKEN@@", var.token)

  # With these, a task fails with the bridge's sentence on what to do instead, in place of a ticket.
  # create_account_json  = file("${path.module}/CreateAccountJSON.json")
  # update_account_json  = file("${path.module}/UpdateAccountJSON.json")
  # enable_account_json  = file("${path.module}/EnableAccountJSON.json")
  # disable_account_json = file("${path.module}/DisableAccountJSON.json")
  # remove_account_json  = file("${path.module}/RemoveAccountJSON.json")
  # add_access_json      = file("${path.module}/AddAccessJSON.json")
  # remove_access_json   = file("${path.module}/RemoveAccessJSON.json")
}
