<?php
/** An answer of the Kubernetes API server that is not 2xx: its HTTP status, its reason and its sentence. */

namespace PveOperator;

final class ApiRefused extends Refusal
{
    /** HTTP status, such as 403. */
    public int $status;
    /** The API server's own word, such as Forbidden, NotFound, Conflict, Invalid; Unknown when a proxy answered. */
    public string $reason;

    public function __construct(int $status, string $reason, string $message)
    {
        parent::__construct($message);
        $this->status = $status;
        $this->reason = $reason;
    }
}
