"""What CloudFormation's handlers need: the registry's schemas, corrected by a table."""

from cdk_rehearsal.iam import handlers
from cdk_rehearsal.iam.authorization import resource_types
from cdk_rehearsal.iam.handlers import permissions, schema_of

REGION = "eu-west-1"
FUNCTION = {"Code": {"S3Bucket": "b", "S3Key": "k"}, "Role": "arn:aws:iam::111122223333:role/r"}


def needed(kind: str, operation: str, **properties: object) -> set[str]:
    return set(permissions(kind, operation, properties, region=REGION).actions)


def test_a_permission_of_a_property_is_needed_only_if_the_template_sets_it() -> None:
    plain = needed("AWS::Lambda::Function", "create", **FUNCTION)
    assert {"lambda:CreateFunction", "s3:GetObject"} <= plain
    in_vpc = needed("AWS::Lambda::Function", "create", **FUNCTION, VpcConfig={"SubnetIds": ["s"]})
    assert in_vpc - plain == {
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
    }
    encrypted = needed("AWS::Lambda::Function", "create", **FUNCTION, KmsKeyArn="arn:aws:kms:::k")
    assert "kms:Decrypt" in encrypted - plain


def test_a_property_that_is_empty_or_has_another_value_counts_as_not_set() -> None:
    function = needed("AWS::Lambda::Function", "create", **FUNCTION)
    assert needed("AWS::Lambda::Function", "create", **FUNCTION, Layers=[]) == function
    hooks = [
        needed("AWS::CodePipeline::Webhook", "create", RegisterWithThirdParty=registers)
        for registers in (True, False)
    ]
    assert hooks[0] - hooks[1] == {"codepipeline:RegisterWebhookWithThirdParty"}


def test_an_update_and_a_creation_also_read_the_resource_but_a_deletion_does_not() -> None:
    read = "s3:GetBucketOwnershipControls"
    assert read in needed("AWS::S3::Bucket", "create")
    assert read in needed("AWS::S3::Bucket", "update")
    assert needed("AWS::S3::Bucket", "delete") == {"s3:DeleteBucket", "s3:ListBucket"}


def test_a_permission_that_does_not_exist_is_replaced_or_left_out_and_named() -> None:
    group = permissions("AWS::Logs::LogGroup", "create", {"LogGroupName": "g"}, region=REGION)
    assert group.doubts == ("s3:REST.PUT.OBJECT",)
    rules = {"LifecycleConfiguration": {"Rules": [{"Status": "Enabled"}]}}
    bucket = permissions("AWS::S3::Bucket", "update", rules, region=REGION)
    assert "s3:PutLifecycleConfiguration" in bucket.actions
    assert "s3:DeleteBucketLifecycle (there is s3:PutLifecycleConfiguration)" in bucket.doubts


def test_a_creation_with_tags_needs_the_permission_to_tag_also_where_its_handler_lacks_it() -> None:
    tags = [{"Key": "a", "Value": "b"}]
    assert "rds:AddTagsToResource" in needed("AWS::RDS::GlobalCluster", "create", Tags=tags)
    assert "rds:AddTagsToResource" not in needed("AWS::RDS::GlobalCluster", "create")


def test_a_type_without_handlers_needs_what_the_table_says_or_is_named() -> None:
    assert "codebuild:CreateProject" in needed("AWS::CodeBuild::Project", "create")
    assert schema_of("AWS::CodeBuild::Project", REGION).get("handlers") is None  # type: ignore[union-attr]
    assert not permissions("AWS::Unheard::Of", "create", {}, region=REGION).is_described
    assert needed("Custom::Table", "delete") == {"lambda:InvokeFunction"}
    assert not needed("AWS::CDK::Metadata", "create"), "no service makes it"


def test_the_table_names_types_properties_and_permissions_that_exist() -> None:
    table = handlers.table()
    for own in table["handlers"].values():
        for action in {action for name in own.keys() - {"source"} for action in own[name]}:
            resource_types(action)
    for action in table["renamed"].values():
        resource_types(action)
    for row in table["only_with"]:
        assert row["source"].startswith("https://")
        if "[" in row["type"] or row["type"] == "*":
            continue
        schema = schema_of(row["type"], REGION)
        assert schema is not None, row
        for name in row.get("with", "").split():
            top = name.partition(".")[0].partition("=")[0]
            if "*" not in top:
                assert top in schema["properties"], row
