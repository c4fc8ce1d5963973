-- Every change of a payment left exactly one event, numbered from 1 without a gap.
SELECT p.id AS payment, p.sequence, count(e.id) AS events, min(e.sequence) AS first, max(e.sequence) AS last
FROM payment.payments p LEFT JOIN payment.events e ON e.payment_id = p.id
GROUP BY p.id
HAVING count(e.id) <> p.sequence OR coalesce(max(e.sequence), 0) <> p.sequence OR coalesce(min(e.sequence), 1) <> 1
