// What a Go program does with Vault's own client: an administrator sets a mount up, a workload logs in with the
// Kubernetes method, and a lifetime watcher keeps its token alive until it may live no longer.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/api/auth/kubernetes"
)

// How long what must happen may take.
const deadline = time.Minute

var (
	mount     = os.Getenv("MOUNT")
	namespace = os.Getenv("NAMESPACE")
)

func main() {
	log.SetFlags(log.Lshortfile)
	ctx, cancel := context.WithTimeout(context.Background(), 2*deadline)
	defer cancel()

	root := client(os.Getenv("VAULT_TOKEN"))
	setUp(ctx, root)
	live(ctx, root)
	refusals(ctx)
	watch(ctx)
	leave(ctx, root)
}

// setUp writes mount, policy, configuration and roles, and reads them back.
func setUp(ctx context.Context, root *api.Client) {
	health := must(root.Sys().HealthWithContext(ctx))
	same("sealed", health.Sealed, false)
	check(root.Sys().EnableAuthWithOptionsWithContext(ctx, mount, &api.EnableAuthOptions{Type: "kubernetes"}))
	mounts := must(root.Sys().ListAuthWithContext(ctx))
	same("mount", mounts[mount+"/"].Type, "kubernetes")

	rules := fmt.Sprintf("path \"auth/%s/role/orders\" { capabilities = [\"read\"] }\n", mount)
	check(root.Sys().PutPolicyWithContext(ctx, mount, rules))
	same("policy", must(root.Sys().GetPolicyWithContext(ctx, mount)), rules)
	same("policies hold it", slices.Contains(must(root.Sys().ListPoliciesWithContext(ctx)), mount), true)

	write(ctx, root, "config", map[string]any{
		"kubernetes_host":    os.Getenv("KUBE_HOST"),
		"kubernetes_ca_cert": file("KUBE_CA_FILE"),
		"token_reviewer_jwt": file("REVIEWER_JWT_FILE"),
	})
	config := must(root.Logical().ReadWithContext(ctx, "auth/"+mount+"/config"))
	same("host", config.Data["kubernetes_host"], any(os.Getenv("KUBE_HOST")))

	for name, lease := range map[string][2]string{"orders": {"10m", "1h"}, "short": {"5s", "7s"}} {
		write(ctx, root, "role/"+name, map[string]any{
			"bound_service_account_names":      []string{"orders"},
			"bound_service_account_namespaces": []string{namespace},
			"token_policies":                   []string{mount},
			"token_ttl":                        lease[0],
			"token_max_ttl":                    lease[1],
		})
	}
	roles := must(root.Logical().ListWithContext(ctx, "auth/"+mount+"/role"))
	same("roles", fmt.Sprint(roles.Data["keys"]), "[orders short]")
	role := must(root.Logical().ReadWithContext(ctx, "auth/"+mount+"/role/orders"))
	same("ttl", fmt.Sprint(role.Data["token_ttl"]), "600")
}

// live logs in and does what a token is for.
func live(ctx context.Context, root *api.Client) {
	workload := client("")
	secret := must(login(ctx, workload, "orders", "JWT_FILE"))
	same("token", workload.Token(), secret.Auth.ClientToken)
	same("policies", secret.Auth.Policies, []string{"default", mount})
	same("namespace", secret.Auth.Metadata["service_account_namespace"], namespace)
	same("lease", secret.Auth.LeaseDuration, 600)
	same("renewable", secret.Auth.Renewable, true)

	self := must(workload.Auth().Token().LookupSelfWithContext(ctx))
	same("path", self.Data["path"], any("auth/"+mount+"/login"))
	renewed := must(workload.Auth().Token().RenewSelfWithContext(ctx, 1200))
	same("renewed", renewed.Auth.LeaseDuration, 1200)
	must(workload.Logical().ReadWithContext(ctx, "auth/"+mount+"/role/orders"))
	capabilities := must(workload.Sys().CapabilitiesSelfWithContext(ctx, "auth/"+mount+"/config"))
	same("capabilities", capabilities, []string{"deny"})
	_, err := workload.Logical().ReadWithContext(ctx, "auth/"+mount+"/config")
	refused(err, 403, "permission denied")

	byAccessor := must(root.Auth().Token().LookupAccessorWithContext(ctx, secret.Auth.Accessor))
	same("id by accessor", byAccessor.Data["id"], any(""))
	check(workload.Auth().Token().RevokeSelfWithContext(ctx, ""))
	_, err = workload.Auth().Token().LookupSelfWithContext(ctx)
	refused(err, 403, "permission denied")
}

// refusals logs in as it should not.
func refusals(ctx context.Context) {
	_, err := login(ctx, client(""), "nope", "JWT_FILE")
	refused(err, 400, `invalid role name "nope"`)
	_, err = login(ctx, client(""), "orders", "STRANGER_JWT_FILE")
	refused(err, 403, "namespace not authorized")
}

// watch lets Vault's watcher renew a token until its maximum, after which it is no token any more.
func watch(ctx context.Context) {
	workload := client("")
	secret := must(login(ctx, workload, "short", "JWT_FILE"))
	watcher := must(workload.NewLifetimeWatcher(&api.LifetimeWatcherInput{Secret: secret}))
	go watcher.Start()
	defer watcher.Stop()
	for renewals, ended := 0, false; !ended; {
		select {
		case renewal := <-watcher.RenewCh():
			same("the renewed token", renewal.Secret.Auth.ClientToken, secret.Auth.ClientToken)
			renewals++
		case err := <-watcher.DoneCh():
			check(err)
			same("renewed at least once", renewals > 0, true)
			ended = true
		case <-ctx.Done():
			log.Fatal("the watcher does not end")
		}
	}
	for {
		_, err := workload.Auth().Token().LookupSelfWithContext(ctx)
		if err != nil {
			refused(err, 403, "permission denied")
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// leave takes away what setUp has made.
func leave(ctx context.Context, root *api.Client) {
	must(root.Logical().DeleteWithContext(ctx, "auth/"+mount+"/role/orders"))
	_, err := login(ctx, client(""), "orders", "JWT_FILE")
	refused(err, 400, `invalid role name "orders"`)
	check(root.Sys().DeletePolicyWithContext(ctx, mount))
	same("policy", must(root.Sys().GetPolicyWithContext(ctx, mount)), "")
	check(root.Sys().DisableAuthWithContext(ctx, mount))
	_, there := must(root.Sys().ListAuthWithContext(ctx))[mount+"/"]
	same("mount is there", there, false)
}

// client takes address and CA from the environment, as every Go program with this client does.
func client(token string) *api.Client {
	client := must(api.NewClient(api.DefaultConfig()))
	client.SetToken(token)
	return client
}

func login(ctx context.Context, client *api.Client, role, variable string) (*api.Secret, error) {
	path := kubernetes.WithServiceAccountTokenPath(os.Getenv(variable))
	method := must(kubernetes.NewKubernetesAuth(role, path, kubernetes.WithMountPath(mount)))
	return client.Auth().Login(ctx, method)
}

func write(ctx context.Context, root *api.Client, path string, data map[string]any) {
	_, err := root.Logical().WriteWithContext(ctx, "auth/"+mount+"/"+path, data)
	check(err)
}

func file(variable string) string {
	return string(must(os.ReadFile(os.Getenv(variable))))
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		_ = log.Output(3, err.Error())
		os.Exit(1)
	}
}

func same[T any](what string, got, wanted T) {
	if !reflect.DeepEqual(got, wanted) {
		_ = log.Output(2, fmt.Sprintf("%s: got %v, wanted %v", what, got, wanted))
		os.Exit(1)
	}
}

// refused demands an answer of this status, one of whose errors holds the sentence.
func refused(err error, status int, sentence string) {
	var answer *api.ResponseError
	if !errors.As(err, &answer) || answer.StatusCode != status || !strings.Contains(fmt.Sprint(answer.Errors), sentence) {
		_ = log.Output(2, fmt.Sprintf("wanted %d %q, got %v", status, sentence, err))
		os.Exit(1)
	}
}
