{{/* Labels of every object; the first is also what kustomize sets. */}}
{{- define "pve-operator.labels" -}}
app.kubernetes.io/name: pve-operator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "pve-operator.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end -}}
{{- end -}}
{{- end }}

{{/* Puts an object of base/ into the namespace of the release, with the labels. Changes .object. */}}
{{- define "pve-operator.place" -}}
{{- $object := .object }}
{{- if $object.metadata.namespace }}{{ $_ := set $object.metadata "namespace" .root.Release.Namespace }}{{ end }}
{{- range $object.subjects }}{{ if .namespace }}{{ $_ := set . "namespace" $.root.Release.Namespace }}{{ end }}{{ end }}
{{- $_ := set $object.metadata "labels" (merge (fromYaml (include "pve-operator.labels" .root)) ($object.metadata.labels | default dict)) }}
{{- end }}

{{/* The values into the Deployment of base/. Changes .object. */}}
{{- define "pve-operator.deployment" -}}
{{- $values := .root.Values }}
{{- $_ := set .object.spec "replicas" $values.replicas }}
{{- $template := .object.spec.template }}
{{- $pod := $template.spec }}
{{- $container := first $pod.containers }}
{{- $_ := set $container "image" (include "pve-operator.image" .root) }}
{{- $_ := set $container "imagePullPolicy" $values.image.pullPolicy }}
{{- $_ := set $container "resources" $values.resources }}
{{- if ne $values.logLevel "info" }}{{ $_ := set $container "args" (append $container.args (printf "--log-level=%s" $values.logLevel)) }}{{ end }}
{{- range $flag, $time := dict "lease-duration" $values.leaderElection.leaseDuration "renew-deadline" $values.leaderElection.renewDeadline "retry-period" $values.leaderElection.retryPeriod }}
{{- if $time }}{{ $_ := set $container "args" (append $container.args (printf "--leader-elect-%s=%s" $flag $time)) }}{{ end }}
{{- end }}
{{- range $container.env }}{{ if eq .name "NODE_OPTIONS" }}{{ $_ := set . "value" (printf "--max-old-space-size=%d --max-semi-space-size=8" (int $values.heapMiB)) }}{{ end }}{{ end }}
{{- with $values.imagePullSecrets }}{{ $names := list }}{{ range . }}{{ $names = append $names (dict "name" .) }}{{ end }}{{ $_ := set $pod "imagePullSecrets" $names }}{{ end }}
{{- range $key := list "nodeSelector" "tolerations" "affinity" "priorityClassName" }}{{ with index $values $key }}{{ $_ := set $pod $key . }}{{ end }}{{ end }}
{{- with $values.podAnnotations }}{{ $_ := set $template.metadata "annotations" (merge (deepCopy .) $template.metadata.annotations) }}{{ end }}
{{- with $values.podLabels }}{{ $_ := set $template.metadata "labels" (merge $template.metadata.labels (deepCopy .)) }}{{ end }}
{{- end }}

{{/* What a schema cannot say. */}}
{{- define "pve-operator.check" -}}
{{- $isLive := lookup "v1" "Namespace" "" "kube-system" }}
{{- if and $isLive (not (.Capabilities.APIVersions.Has "pve.hosting/v1alpha1/ProxmoxVM")) }}
{{- fail (printf "\n\nThe kinds of pve-operator are not installed. First run: helm install pve-operator-crds --wait (the chart of that name, version %s), then this again.\n" .Chart.Version) }}
{{- end }}
{{- $limit := dig "limits" "memory" "" .Values.resources | toString }}
{{- if hasSuffix "Mi" $limit }}
{{- if gt (int .Values.heapMiB) (int (trimSuffix "Mi" $limit)) }}
{{- fail (printf "\n\nheapMiB is %d and resources.limits.memory %s: the kernel would end the operator. Write heapMiB of two thirds of the limit, here %d.\n" (int .Values.heapMiB) $limit (div (mul 2 (int (trimSuffix "Mi" $limit))) 3)) }}
{{- end }}
{{- end }}
{{- end }}
