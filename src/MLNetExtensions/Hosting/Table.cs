using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace MLNetExtensions;

/// <summary>Makes views of arrays: what a model has to tell, as data.</summary>
internal sealed class Table(IHostEnvironment env)
{
    private readonly ArrayDataViewBuilder _builder = new(env);

    internal Table Add(string name, string[] texts)
    {
        _builder.AddColumn(name, texts);
        return this;
    }

    internal Table Add<T>(string name, PrimitiveDataViewType type, T[] values)
    {
        _builder.AddColumn(name, type, values);
        return this;
    }

    internal Table AddVectors<T>(string name, PrimitiveDataViewType type, T[][] values)
    {
        _builder.AddColumn(name, type, values);
        return this;
    }

    internal IDataView Build() => _builder.GetDataView();
}
