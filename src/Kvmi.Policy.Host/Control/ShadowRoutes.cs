using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Kvmi.Policy.Engine.Reload;
using Kvmi.Policy.Engine.Shadow;
using Kvmi.Policy.Host.Control.Contract;
using Kvmi.Policy.Host.Output;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Kvmi.Policy.Host.Control;

/// <summary>The paths about a generation that runs beside the live one.</summary>
internal static class ShadowRoutes
{
    public static void Map(IEndpointRouteBuilder routes, HostView host)
    {
        routes.MapGet("/v1/shadow", (RequestDelegate)(context => JsonAsync(context, Of(host), ControlJson.Default.ShadowReply)));
        routes.MapPost("/v1/promote", (RequestDelegate)(context => ChangeAsync(context, host.Policies.PromoteAsync())));
        routes.MapPost("/v1/discard", (RequestDelegate)(context => ChangeAsync(context, host.Policies.DiscardAsync())));
    }

    private static async Task ChangeAsync(HttpContext context, Task<ShadowAnswer> change)
    {
        try
        {
            var answer = await change.WaitAsync(context.RequestAborted).ConfigureAwait(false);
            if (answer.Success)
            {
                await JsonAsync(context, new ShadowChangeReply(true, answer.Generation, null), ControlJson.Default.ShadowChangeReply).ConfigureAwait(false);
            }
            else
            {
                await ControlRoutes.ProblemAsync(context, 409, "Refused", answer.Problem ?? "It was refused.").ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (!context.RequestAborted.IsCancellationRequested)
        {
            await ControlRoutes.ProblemAsync(context, 503, "Ending", "The host is ending and does not change its policies any more.").ConfigureAwait(false);
        }
    }

    private static ShadowReply Of(HostView host)
    {
        var live = host.Engine.Current?.Number ?? 0;
        return host.Engine.GetShadow() is not { } shadow
            ? new ShadowReply { Generation = 0, Live = live }
            : new ShadowReply
            {
                Generation = shadow.Generation,
                Live = live,
                Compared = shadow.Compared,
                Differing = shadow.Differing,
                Incomplete = shadow.Incomplete,
                Skipped = shadow.Skipped,
                Policies = [.. shadow.Policies.Select(policy => new ShadowPolicyReply(policy.Policy, policy.Version, policy.Votes, policy.Alerts, policy.Errors))],
                Differences = [.. shadow.Differences.Select(Of)],
                Problems = shadow.Problems,
                Hanging = shadow.Hanging,
            };
    }

    private static ShadowDifferenceReply Of(ShadowDifference difference) => new(
        difference.Number,
        difference.Time,
        difference.Vm,
        difference.Vcpu,
        Words.Of(difference.Event),
        difference.Subject,
        Words.Hex(difference.Rip),
        Of(difference.Live),
        Of(difference.Shadow),
        difference.Reason);

    private static ShadowVoteReply Of(ShadowVote vote) => new(
        Words.Of(vote.Decision),
        vote.Value is { } value ? Words.Hex(value) : null,
        vote.WouldHave is { } would ? Words.Of(would) : null,
        vote.Exception,
        vote.Policy);

    private static Task JsonAsync<T>(HttpContext context, T value, JsonTypeInfo<T> type)
    {
        context.Response.ContentType = "application/json";
        return JsonSerializer.SerializeAsync(context.Response.Body, value, type, context.RequestAborted);
    }
}
