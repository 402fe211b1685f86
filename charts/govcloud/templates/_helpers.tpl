{{- /* What a selector selects; it can never change. */ -}}
{{- define "govcloud.selector" -}}
app.kubernetes.io/name: govcloud
app.kubernetes.io/component: operator
{{- end -}}

{{- /* managed-by is left to Helm: its value govcloud is what the operator takes for its own work. */ -}}
{{- define "govcloud.labels" -}}
{{ include "govcloud.selector" . }}
app.kubernetes.io/part-of: govcloud
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end -}}

{{- define "govcloud.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- /* Groups as the subjects of a binding. */ -}}
{{- define "govcloud.subjects" -}}
{{- range . }}
- {apiGroup: rbac.authorization.k8s.io, kind: Group, name: {{ . | quote }}}
{{- end }}
{{- end -}}
