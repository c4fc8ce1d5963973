-- A payment ends once: at most one event tells an end, it is the last one, and the payment is in the state that it tells.
SELECT p.id AS payment, p.status, count(e.id) FILTER (WHERE e.status IN ('CANCELLED', 'FAILED', 'EXPIRED')) AS ends
FROM payment.payments p LEFT JOIN payment.events e ON e.payment_id = p.id
GROUP BY p.id
HAVING count(e.id) FILTER (WHERE e.status IN ('CANCELLED', 'FAILED', 'EXPIRED'))
       <> (p.status IN ('CANCELLED', 'FAILED', 'EXPIRED'))::integer
    OR coalesce((array_agg(e.status ORDER BY e.sequence DESC))[1], 'READY') <> p.status
