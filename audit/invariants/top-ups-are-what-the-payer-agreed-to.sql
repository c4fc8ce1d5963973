-- Pay money is topped up by exactly what the payer agreed to, once, when the payment is approved.
SELECT p.id AS payment, p.top_up_amount, coalesce(sum(t.amount), 0) AS topped_up
FROM payment.payments p LEFT JOIN payment.transfers t ON t.payment_id = p.id AND t.kind = 'top_up'
WHERE p.approved_at IS NOT NULL
GROUP BY p.id
HAVING coalesce(sum(t.amount), 0) <> p.top_up_amount
