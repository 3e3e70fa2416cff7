using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Kvmi.Policy.Host.Output;

namespace Kvmi.Policy.Host.Sinks;

/// <summary>
/// Batches of JSON by HTTP POST. One request at a time; what comes meanwhile is the next batch. No redirects, proxies or cookies: alerts go
/// to the address that was given, or nowhere.
/// </summary>
internal sealed class WebhookSink : IRecordSink
{
    private readonly HttpClient _client;
    private readonly Uri _url;
    private readonly int _batch;
    private readonly string _run;
    private readonly IReadOnlyList<(string Name, string Value)> _headers;
    private readonly JsonLineRenderer _renderer = new();
    private readonly ArrayBufferWriter<byte> _body = new(4096);
    private readonly TimeProvider _time;

    private WebhookSink(Uri url, int batch, IReadOnlyList<(string Name, string Value)> headers, TimeProvider time)
    {
        _url = url;
        _batch = batch;
        _headers = headers;
        _time = time;
        _run = string.Create(CultureInfo.InvariantCulture, $"{time.GetUtcNow().UtcDateTime:yyyyMMdd'T'HHmmssfff}-{Environment.ProcessId}");
        _client = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            MaxResponseHeadersLength = 16,
            MaxResponseDrainSize = 64 * 1024,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        })
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
    }

    public int MaxBatch => _batch;

    /// <summary>Reads target and options.</summary>
    public static Func<TimeProvider, IRecordSink> Read(string target, SinkOptionList options)
    {
        var isClear = options.TakeConsent("clear-text");
        var batch = (int)options.TakeNumber("batch", 1, 1000, 100);
        var headers = options.Take("headers");
        if (!Uri.TryCreate(target, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
        {
            throw options.Wrong($"'{target}' is no URL: give https://HOST/PATH, or http://127.0.0.1:PORT/PATH.");
        }

        if (url.UserInfo.Length > 0)
        {
            throw options.Wrong("a password in a URL is seen by every user of this machine: put an Authorization line into the file of headers=.");
        }

        if (url.Scheme == "http" && !IsLoopback(url) && !isClear)
        {
            throw options.Wrong($"the lines would go to {url.Host} without encryption; give an https URL, or say clear-text=allow.");
        }

        return time => new WebhookSink(url, batch, headers is null ? [] : WebhookHeaders.Read(headers), time);
    }

    public async ValueTask DeliverAsync(SinkBatch batch, CancellationToken cancellation)
    {
        Render(batch);
        using var request = new HttpRequestMessage(HttpMethod.Post, _url) { Content = new ReadOnlyMemoryContent(_body.WrittenMemory) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue("kvmi-policy", Program.Version.Split('+')[0]));

        // A batch that is sent again after an answer that got lost can be recognised.
        request.Headers.Add("Idempotency-Key", string.Create(CultureInfo.InvariantCulture, $"{_run}-{batch.Number}"));
        foreach (var (name, value) in _headers)
        {
            request.Headers.Remove(name);
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
        if (response.IsSuccessStatusCode)
        {
            batch.Delivered = batch.Records.Count;
            return;
        }

        var answer = $"the receiver answered {(int)response.StatusCode}";
        if (response.StatusCode is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or (HttpStatusCode)425 || (int)response.StatusCode >= 500)
        {
            throw new SinkBusyException(answer, AfterOf(response.Headers.RetryAfter));
        }

        throw new SinkRefusedException(answer);
    }

    public void Dispose() => _client.Dispose();

    private static bool IsLoopback(Uri url) => url.HostNameType is UriHostNameType.IPv4 or UriHostNameType.IPv6 && url.IsLoopback;

    private TimeSpan? AfterOf(RetryConditionHeaderValue? after) => after switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date - _time.GetUtcNow(),
        _ => null,
    };

    private void Render(SinkBatch batch)
    {
        _body.ResetWrittenCount();
        Encoding.ASCII.GetBytes(
            string.Create(CultureInfo.InvariantCulture, $"{{\"schemaVersion\":{JsonLineRenderer.SchemaVersion},\"run\":\"{_run}\",\"batch\":{batch.Number},\"lines\":["),
            _body);
        var isFirst = true;
        foreach (var record in batch.Records)
        {
            if (!isFirst)
            {
                _body.Write(","u8);
            }

            isFirst = false;
            _renderer.Render(record, _body);
        }

        _body.Write("]}"u8);
    }
}
