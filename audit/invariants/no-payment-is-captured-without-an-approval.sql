-- Money goes to a merchant, from a merchant or up to pay money only for a payment that was approved.
SELECT t.id AS transfer, t.kind, t.payment_id AS payment
FROM payment.transfers t JOIN payment.payments p ON p.id = t.payment_id
WHERE p.approved_at IS NULL
