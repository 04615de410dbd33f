terraform {
  backend "s3" {
    bucket       = "state"
    key          = "demo/terraform.tfstate"
    region       = "us-east-1"
    use_lockfile = true

    endpoints                   = { s3 = "http://127.0.0.1:9670" }
    use_path_style              = true
    skip_credentials_validation = true
    skip_metadata_api_check     = true
    skip_region_validation      = true
    skip_requesting_account_id  = true
  }
}
