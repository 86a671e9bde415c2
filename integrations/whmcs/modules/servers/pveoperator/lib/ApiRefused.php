<?php
/** An answer of the Kubernetes API server that is not 2xx: its HTTP status, its reason and its sentence. */

namespace PveOperator;

final class ApiRefused extends Refusal
{
    public const NOT_FOUND = 'NotFound';

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

    /** The API server knows the kind and has no object of that name; the 404 of a proxy, or of a server without the kind, says nothing of the object. */
    public function isNoSuchObject(): bool
    {
        return $this->status === 404 && $this->reason === self::NOT_FOUND;
    }
}
