namespace WebApi;

/// <summary>A request that is refused, and why: what the client reads.</summary>
internal sealed class RequestException : Exception
{
    private RequestException(int status, string? field, string message)
        : base(message)
        => (Status, Field) = (status, field);

    public int Status { get; }

    /// <summary>The part of the request that is wrong, as JSON names it. Null: the request as a whole.</summary>
    public string? Field { get; }

    public static RequestException Invalid(string field, string message) => new(StatusCodes.Status400BadRequest, field, message);

    public static RequestException NotFound(string message) => new(StatusCodes.Status404NotFound, null, message);

    public static RequestException Unusable(string message) => new(StatusCodes.Status422UnprocessableEntity, null, message);

    /// <summary>Try again in a moment.</summary>
    public static RequestException Unavailable(string message) => new(StatusCodes.Status503ServiceUnavailable, null, message);
}
