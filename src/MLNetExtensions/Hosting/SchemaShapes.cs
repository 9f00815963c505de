using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetExtensions;

/// <summary>The columns that an estimator promises.</summary>
internal static class SchemaShapes
{
    /// <summary>The shape of a schema.</summary>
    internal static SchemaShape Of(DataViewSchema schema) => SchemaShape.Create(schema);

    /// <summary>The column of a name; null where there is none.</summary>
    internal static SchemaShape.Column? Find(SchemaShape schema, string name) => schema.TryFindColumn(name, out var column) ? column : null;

    /// <summary>A column like another one, under a name of its own.</summary>
    internal static SchemaShape.Column Like(SchemaShape.Column column, string name) => new(name, column.Kind, column.ItemType, column.IsKey, column.Annotations);

    /// <summary>A vector of keys of unknown size, with annotations like those of another column.</summary>
    internal static SchemaShape.Column Keys(string name, params IEnumerable<SchemaShape.Column> annotations)
        => new(name, SchemaShape.Column.VectorKind.Vector, NumberDataViewType.UInt32, isKey: true, new SchemaShape(annotations));

    /// <summary>A column of the given type, with annotations of the given names and types.</summary>
    internal static SchemaShape.Column Column(string name, DataViewType type, params IEnumerable<(string Name, DataViewType Type)> annotations)
    {
        SchemaShape.GetColumnTypeShape(type, out var kind, out var item, out var isKey);
        return new(name, kind, item, isKey, new SchemaShape(annotations.Select(annotation => Column(annotation.Name, annotation.Type))));
    }

    /// <summary>The columns of the input and those added, which replace columns of the same name.</summary>
    internal static SchemaShape Append(SchemaShape input, params IEnumerable<SchemaShape.Column> added)
    {
        var columns = input.ToDictionary(column => column.Name);
        foreach (var column in added)
        {
            columns[column.Name] = column;
        }
        return new(columns.Values);
    }
}
