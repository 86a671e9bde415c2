<?php
/** The Kubernetes API as far as the billing contract needs it: read, list, apply, create, delete. By HTTPS, with a token and a CA. */

namespace PveOperator;

final class ApiServer
{
    public const GROUP = '/apis/pve.hosting/v1alpha1';
    private const CONNECT_MS = 3000;
    private const REQUEST_MS = 5000;

    /** https://host:port, for sentences. */
    public string $url;
    private string $token;
    private string $ca;
    private Deadline $deadline;
    /** @var resource|\CurlHandle|null */
    private $curl = null;
    private ?string $caFile = null;

    /**
     * Hostname (or IP address) and port of the server entry, its Password as the token, its Access Hash as the CA (PEM; empty = the
     * authorities this machine trusts). https://developers.whmcs.com/provisioning-modules/module-parameters
     */
    public function __construct(array $params, Deadline $deadline)
    {
        $host = trim((string) (($params['serverhostname'] ?? '') ?: ($params['serverip'] ?? '')));
        $this->token = trim((string) ($params['serverpassword'] ?? ''));
        $this->ca = trim((string) ($params['serveraccesshash'] ?? ''));
        $this->deadline = $deadline;
        if ($host === '') {
            throw new Refusal('The service has no server: assign one whose Hostname is the API server of Kubernetes.');
        }
        if ($this->token === '') {
            throw new Refusal("Server $host has no token: put the token of the billing bridge into its Password field.");
        }
        if ($this->ca !== '' && strpos($this->ca, '-----BEGIN CERTIFICATE-----') === false) {
            throw new Refusal("The Access Hash of server $host is not a certificate: paste the CA of the API server as PEM text, or leave it empty.");
        }
        $port = (int) (($params['serverport'] ?? 0) ?: 6443);
        $this->url = 'https://' . (strpos($host, ':') === false ? $host : "[$host]") . ":$port";
    }

    /** null = there is none, and it is the API server that says so. */
    public function find(string $path): ?array
    {
        try {
            return $this->exchange('GET', $path);
        } catch (ApiRefused $refused) {
            if ($refused->isNoSuchObject()) {
                return null;
            }
            throw $refused;
        }
    }

    public function read(string $path): array
    {
        return $this->exchange('GET', $path);
    }

    /** @return array[] the items of a collection, page by page */
    public function items(string $path): array
    {
        $items = [];
        $continue = '';
        do {
            $page = $this->exchange('GET', $path . (strpos($path, '?') === false ? '?' : '&') . 'limit=500' . $continue);
            foreach ($page['items'] ?? [] as $item) {
                $items[] = $item;
            }
            $next = $page['metadata']['continue'] ?? '';
            $continue = '&continue=' . rawurlencode($next);
        } while ($next !== '');
        return $items;
    }

    /**
     * Server-side apply: what $object names becomes so and is $manager's; what the same manager named before and leaves out goes; what
     * others named stays. Applied again it changes nothing.
     */
    public function apply(string $path, array $object, string $manager): array
    {
        $search = '?fieldManager=' . rawurlencode($manager) . '&force=true&fieldValidation=Strict';
        return $this->exchange('PATCH', $path . $search, $object, 'application/apply-patch+yaml');
    }

    public function create(string $path, array $object): array
    {
        return $this->exchange('POST', $path . '?fieldManager=billing-bridge&fieldValidation=Strict', $object);
    }

    /** Gone already is fine. With the uid an object made later under the same name is left alone (409). */
    public function delete(string $path, string $uid): void
    {
        $options = ['apiVersion' => 'v1', 'kind' => 'DeleteOptions', 'preconditions' => ['uid' => $uid]];
        try {
            $this->exchange('DELETE', $path, $options);
        } catch (ApiRefused $refused) {
            if (!$refused->isNoSuchObject()) {
                throw $refused;
            }
        }
    }

    private function exchange(string $method, string $path, ?array $object = null, string $type = 'application/json'): array
    {
        $milliseconds = (int) min(self::REQUEST_MS, $this->deadline->secondsLeft() * 1000);
        if ($milliseconds < 100) {
            throw new Refusal("The API server {$this->url} is too slow: it did not answer in time. Nothing is lost; press again.");
        }
        $curl = $this->handle();
        curl_setopt($curl, CURLOPT_URL, $this->url . $path);
        curl_setopt($curl, CURLOPT_CUSTOMREQUEST, $method);
        curl_setopt($curl, CURLOPT_TIMEOUT_MS, $milliseconds);
        curl_setopt($curl, CURLOPT_HTTPHEADER, [
            'Authorization: Bearer ' . $this->token, 'Accept: application/json', 'Content-Type: ' . $type, 'Expect:',
        ]);
        $body = $object === null ? '' : json_encode($object, JSON_UNESCAPED_SLASHES | JSON_THROW_ON_ERROR);
        curl_setopt($curl, CURLOPT_POSTFIELDS, $body);
        $text = curl_exec($curl);
        if ($text === false) {
            throw new Refusal($this->unreachable(curl_errno($curl), curl_error($curl)));
        }
        $status = (int) curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
        $isSecret = strpos($path, '/secrets/') !== false;
        Whmcs::log("$method $path", $body, "$status " . ($isSecret ? '(a Secret, not logged)' : $text), [$this->token]);
        $answer = json_decode($text, true);
        if ($status < 200 || $status > 299) {
            throw $this->refusal($status, $text, is_array($answer) ? $answer : []);
        }
        if (!is_array($answer)) {
            throw new Refusal("{$this->url} does not answer as a Kubernetes API server. Look at Hostname and Port of the server.");
        }
        return $answer;
    }

    /** One connection for all requests of a function. */
    private function handle()
    {
        if ($this->curl === null) {
            $this->curl = curl_init();
            curl_setopt_array($this->curl, [
                CURLOPT_RETURNTRANSFER => true,
                CURLOPT_CONNECTTIMEOUT_MS => self::CONNECT_MS,
                CURLOPT_PROTOCOLS => CURLPROTO_HTTPS,
                CURLOPT_FOLLOWLOCATION => false,
                CURLOPT_SSL_VERIFYPEER => true,
                CURLOPT_SSL_VERIFYHOST => 2,
            ]);
            $this->trust();
        }
        return $this->curl;
    }

    private function trust(): void
    {
        if ($this->ca === '') {
            return;
        }
        if (defined('CURLOPT_CAINFO_BLOB')) {
            curl_setopt($this->curl, CURLOPT_CAINFO_BLOB, $this->ca . "\n");
            return;
        }
        $this->caFile = (string) tempnam(sys_get_temp_dir(), 'pveoperator');
        file_put_contents($this->caFile, $this->ca . "\n");
        curl_setopt($this->curl, CURLOPT_CAINFO, $this->caFile);
    }

    public function __destruct()
    {
        if ($this->caFile !== null) {
            @unlink($this->caFile);
        }
    }

    private function unreachable(int $code, string $error): string
    {
        if (in_array($code, [CURLE_SSL_CACERT, CURLE_SSL_PEER_CERTIFICATE, 77, 83], true)) {
            return "The certificate of {$this->url} is not trusted ($error). Put the CA of the API server into the Access Hash of the server.";
        }
        return "The API server {$this->url} does not answer ($error). Customers' servers keep running and nothing is lost; press again later.";
    }

    /** The API server answers with a Status object; a proxy in between may not. */
    private function refusal(int $status, string $text, array $answer): ApiRefused
    {
        $reason = (string) ($answer['reason'] ?? 'Unknown');
        $message = (string) ($answer['message'] ?? substr(trim(strip_tags($text)), 0, 300));
        if ($status === 401) {
            $message = "{$this->url} rejects the token (401). Put a valid token of the billing bridge into the Password of the server.";
        } elseif ($status === 403) {
            $message .= ' (The token lacks a right: see "Rights" in docs/whmcs.md.)';
        } elseif ($status === 404 && $reason !== ApiRefused::NOT_FOUND) {
            $message = "{$this->url} does not serve pve.hosting/v1alpha1 (404): a proxy answered, it is another server, or pve-operator is not installed in that Kubernetes. Nothing was done; look at Hostname and Port of the server.";
        } elseif ($status === 429 || $status > 499) {
            $message = "The API server {$this->url} is overloaded or failing ($status: $message). Nothing is lost; press again later.";
        }
        return new ApiRefused($status, $reason, $message);
    }
}
