#!/usr/bin/env bash
# Creates in LocalStack what template.yaml creates on AWS: queue, dead-letter queue, cache, bus.
# LocalStack runs it when all services are ready. It may run any number of times.
# A test in localstack/src/watch.rs compares the numbers with the template.
set -euo pipefail

region="${AWS_DEFAULT_REGION:-us-east-1}"
queue=waybill-fulfillment
dlq=waybill-fulfillment-dlq
table=waybill-product-cache
bus=waybill

queue_url() {
  # The attributes are set afterwards, because the queue may exist with others.
  awslocal sqs create-queue --region "$region" --queue-name "$1" --query QueueUrl --output text
}

dlq_url="$(queue_url "$dlq")"
awslocal sqs set-queue-attributes --region "$region" --queue-url "$dlq_url" \
  --attributes '{"MessageRetentionPeriod": "1209600"}'
dlq_arn="$(awslocal sqs get-queue-attributes --region "$region" --queue-url "$dlq_url" \
  --attribute-names QueueArn --query Attributes.QueueArn --output text)"

main_url="$(queue_url "$queue")"
awslocal sqs set-queue-attributes --region "$region" --queue-url "$main_url" --attributes '{
  "VisibilityTimeout": "180",
  "MessageRetentionPeriod": "345600",
  "RedrivePolicy": "{\"deadLetterTargetArn\": \"'"$dlq_arn"'\", \"maxReceiveCount\": 5}"
}'

if ! awslocal dynamodb describe-table --region "$region" --table-name "$table" >/dev/null 2>&1; then
  awslocal dynamodb create-table --region "$region" --table-name "$table" \
    --billing-mode PAY_PER_REQUEST \
    --attribute-definitions AttributeName=pk,AttributeType=S \
    --key-schema AttributeName=pk,KeyType=HASH >/dev/null
fi
awslocal dynamodb wait table-exists --region "$region" --table-name "$table"
ttl="$(awslocal dynamodb describe-time-to-live --region "$region" --table-name "$table" \
  --query TimeToLiveDescription.TimeToLiveStatus --output text)"
if [ "$ttl" != ENABLED ] && [ "$ttl" != ENABLING ]; then
  awslocal dynamodb update-time-to-live --region "$region" --table-name "$table" \
    --time-to-live-specification Enabled=true,AttributeName=ttl >/dev/null
fi

if ! awslocal events describe-event-bus --region "$region" --name "$bus" >/dev/null 2>&1; then
  awslocal events create-event-bus --region "$region" --name "$bus" >/dev/null
fi

echo "waybill: created queue, dead-letter queue, table and bus"
