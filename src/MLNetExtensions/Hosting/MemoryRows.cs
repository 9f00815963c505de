using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace MLNetExtensions;

/// <summary>Objects as rows of a view.</summary>
internal static class MemoryRows
{
    /// <summary>Objects have keys from 0; what is beyond the count of the key is missing.</summary>
    internal const uint MissingKey = uint.MaxValue;

    internal static IDataView View<TRow>(IHostEnvironment env, IList<TRow> rows, SchemaDefinition schema)
        where TRow : class
        => DataViewConstructionUtils.CreateFromList(env, rows, schema);
}
