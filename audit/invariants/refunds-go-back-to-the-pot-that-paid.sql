-- A refund goes from the merchant that was paid to the pot that paid.
SELECT refund.id AS transfer, refund.payment_id AS payment
FROM payment.transfers refund LEFT JOIN payment.transfers capture
  ON capture.payment_id = refund.payment_id AND capture.kind = 'capture'
WHERE refund.kind = 'refund'
  AND (refund.credit_account, refund.debit_account)
      IS DISTINCT FROM (capture.debit_account, capture.credit_account)
