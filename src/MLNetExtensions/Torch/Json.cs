using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace MLNetExtensions.Torch;

/// <summary>How types are found that are written as JSON.</summary>
internal static class Json
{
    /// <summary>Plain JSON by reflection, with defaults otherwise.</summary>
    // Named, since programs that are set up for ahead-of-time compilation, as file-based apps are, have no default one.
    internal static readonly JsonSerializerOptions Plain = new() { TypeInfoResolver = new DefaultJsonTypeInfoResolver() };
}
