-- What a payment has been refunded is what its record says, never more than was paid, and all of it once it is cancelled.
SELECT p.id AS payment, p.status, p.amount, p.cancelled_amount, coalesce(sum(t.amount), 0) AS refunded
FROM payment.payments p LEFT JOIN payment.transfers t ON t.payment_id = p.id AND t.kind = 'refund'
WHERE p.approved_at IS NOT NULL OR t.id IS NOT NULL
GROUP BY p.id
HAVING coalesce(sum(t.amount), 0) <> p.cancelled_amount
    OR p.cancelled_amount > p.amount
    OR (p.status = 'APPROVED' AND p.cancelled_amount <> 0)
    OR (p.status = 'PARTIALLY_CANCELLED' AND p.cancelled_amount NOT BETWEEN 1 AND p.amount - 1)
    OR (p.status = 'CANCELLED' AND p.cancelled_amount <> p.amount)
