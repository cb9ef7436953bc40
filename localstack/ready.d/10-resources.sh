#!/usr/bin/env bash
# Creates in LocalStack what template.yaml creates on AWS: queues, dead-letter queues, cache, bus and the
# rule that sends events to the queue of mail. LocalStack runs it when all services are ready. It may run
# any number of times. Tests in localstack/src/watch.rs compare it with the template.
set -euo pipefail

region="${AWS_DEFAULT_REGION:-us-east-1}"
table=waybill-product-cache
bus=waybill
rule=waybill-notification
pattern='{"source":["waybill"],"detail-type":["OrderPlaced","OrderConfirmed","OrderShipped","OrderDelivered","OrderCancelled"],"detail":{"v":[1]}}'

# The attributes are set after a queue is created, because it may exist with others.
queue_url() {
  awslocal sqs create-queue --region "$region" --queue-name "$1" --query QueueUrl --output text
}

queue_arn() {
  awslocal sqs get-queue-attributes --region "$region" --queue-url "$1" \
    --attribute-names QueueArn --query Attributes.QueueArn --output text
}

# A queue and its dead-letter queue.
create_queues() {
  local dlq_url dlq_arn main_url
  dlq_url="$(queue_url "$1-dlq")"
  awslocal sqs set-queue-attributes --region "$region" --queue-url "$dlq_url" \
    --attributes '{"MessageRetentionPeriod": "1209600"}'
  dlq_arn="$(queue_arn "$dlq_url")"
  main_url="$(queue_url "$1")"
  awslocal sqs set-queue-attributes --region "$region" --queue-url "$main_url" --attributes '{
    "VisibilityTimeout": "180",
    "MessageRetentionPeriod": "345600",
    "RedrivePolicy": "{\"deadLetterTargetArn\": \"'"$dlq_arn"'\", \"maxReceiveCount\": 5}"
  }'
}

create_queues waybill-fulfillment
create_queues waybill-notification

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

# Its events wait in the queue, unless `make watch` can send mail.
mail_arn="$(queue_arn "$(queue_url waybill-notification)")"
dead_mail_arn="$(queue_arn "$(queue_url waybill-notification-dlq)")"
awslocal events put-rule --region "$region" --event-bus-name "$bus" --name "$rule" \
  --event-pattern "$pattern" >/dev/null
awslocal events put-targets --region "$region" --event-bus-name "$bus" --rule "$rule" \
  --targets '[{"Id": "queue", "Arn": "'"$mail_arn"'", "DeadLetterConfig": {"Arn": "'"$dead_mail_arn"'"}}]' \
  >/dev/null

echo "waybill: created queues, dead-letter queues, table, bus and rule"
